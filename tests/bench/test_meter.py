import time

import pytest

from fashion_bench.machine import INTERVAL, check_meter, describe_energy, measure_joules
from fashion_edge.errors import UsageError


def test_a_counter_gives_the_difference(tmp_path):
    meter = tmp_path / "energy_uj"
    meter.write_text("1000000\n")
    joules, seconds, result = measure_joules(meter, lambda: meter.write_text("3500000\n"))
    assert joules == pytest.approx(2.5)
    assert seconds > 0
    assert result == 8


def test_a_power_file_gives_watts_times_seconds(tmp_path):
    meter = tmp_path / "power1_input"
    meter.write_text("4000000\n")  # 4 W
    joules, seconds, _ = measure_joules(meter, lambda: None)
    assert joules == pytest.approx(4 * seconds)


def test_energy_an_inference_is_gross_and_above_idle():
    found = describe_energy(idle=(4.0, 2.0), load=(12.0, 4.0), inferences=1000, meter="power1_input")
    assert (found["idle_w"], found["load_w"], found["gross_mj"], found["net_mj"]) == (2.0, 3.0, 12.0, 4.0)


def test_a_counter_that_started_over_is_refused(tmp_path):
    meter = tmp_path / "energy_uj"
    meter.write_text("5000000\n")
    with pytest.raises(UsageError, match="started over"):
        measure_joules(meter, lambda: meter.write_text("10\n"))


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_power_file_that_fails_halfway_gives_no_energy(tmp_path):
    meter = tmp_path / "power1_input"
    meter.write_text("4000000\n")

    def work():
        time.sleep(2 * INTERVAL)
        meter.unlink()
        time.sleep(2 * INTERVAL)

    with pytest.raises(UsageError, match=r"--meter .*power1_input is no readable number"):
        measure_joules(meter, work)


@pytest.mark.parametrize(("name", "text", "words"), [("temp1_input", "1", "neither"), ("power1_input", "?", "number")])
def test_what_is_no_meter_is_refused(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=words):
        check_meter(tmp_path / name)
