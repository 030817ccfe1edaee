"""Export that proves itself: a Keras model becomes TFLite and ONNX files that agree with it, or says why not."""
