# The first process of the virtual machine: a camera by vivid, one by v4l2loopback, then the programs; then off.
b=/usr/bin/busybox
export PATH=/tmp/bin:/opt/fashion/bin:/usr/sbin:/usr/bin HOME=/root PYTHONUNBUFFERED=1 LANG=C.UTF-8
$b mount -t proc proc /proc; $b mount -t sysfs sys /sys; $b mount -t tmpfs tmp /tmp
$b mkdir /tmp/bin; $b --install -s /tmp/bin
modprobe vivid n_devs=1 node_types=0x1
modprobe -a videodev; insmod "/usr/lib/modules/$(uname -r)/v4l2loopback.ko" video_nr=10
uname -rm
/opt/fashion/bin/python /guest/v4l2.py
echo "ended with $?"
sync; echo o > /proc/sysrq-trigger; sleep 10
