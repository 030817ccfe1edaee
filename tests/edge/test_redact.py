import doctest
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashion_edge import redact as module
from fashion_edge.redact import redact, redact_text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:my secret@10.0.0.2/live", "rtsp://***@10.0.0.2/live"),
        ("rtsp://token@10.0.0.2:554/live", "rtsp://***@10.0.0.2:554/live"),
        ("rtsp://admin%3Asecret%40door/live", "rtsp://***@door/live"),
        ("rtsp%3A%2F%2Fadmin%3Asecret%40door%2Flive", "***@***"),
        ("rtsp://10.0.0.2/cam?channel=1&subtype=0", "rtsp://10.0.0.2/cam?channel=***&subtype=***"),
        ("http://c:81/v.cgi?loginuse=admin;%70assword=8888", "http://c:81/v.cgi?loginuse=***;%70assword=***"),
        ("http://c/v?secret", "http://c/v?***"),
        ("http://c/v?c2VjcmV0==#secret", "http://c/v?***#***"),
        ("http://c/v?pw=a?secret=b#c&secret=d", "http://c/v?pw=***#***"),
        ("http://c/v?pw=a&secret:b", "http://c/v?pw=***&***"),
        ("http://c/v?pw=a&(secret)=b", "http://c/v?pw=***&***"),
        ("http://c/v%3Fpw%3Dsecret%26w%3D1", "http://c/v%3Fpw%3D***"),
        ("rtsp://10.0.0.2/user=admin_password=secret_channel=1", "rtsp://10.0.0.2/user=***"),
        ("rtsp://10.0.0.2/user=admin&password=secret&channel=1", "rtsp://10.0.0.2/user=***&password=***&channel=***"),
        ("http://c/admin:secret/1", "http://c/admin:***"),
        ("srt://10.0.0.2:9?passphrase=secret", "srt://10.0.0.2:9?passphrase=***"),
        ("mqtts://me:secret@broker:8883", "mqtts://***@broker:8883"),
        ("onvif://me:secret@[fe80::1]:80/", "onvif://***@[fe80::1]:80/"),
        (r"rtsp:\\me:secret@10.0.0.2\live", r"rtsp:\\***@10.0.0.2\live"),
        ("http:/me:secret@10.0.0.2/live", "http:/***@10.0.0.2/live"),
        ("me:secret@10.0.0.2:1/x", "***@10.0.0.2:1/x"),
        ("10.0.0.2/v.cgi?user=admin&pw=secret", "10.0.0.2/v.cgi?user=***&pw=***"),
        ("10.0.0.2/user=admin_password=secret", "10.0.0.2/user=***"),
        ("rtsp://admin:secret", "rtsp://***"),
        ("udp://@239.0.0.1:1234", "udp://@239.0.0.1:1234"),
        ("rtsp://:secret@door", "rtsp://***@door"),
    ],
)
def test_secrets_are_hidden_and_the_camera_can_still_be_told(url, shown):
    assert redact(url) == shown
    assert redact(shown) == shown


@pytest.mark.parametrize(
    "password", ["p@ss", "p/ss", "12/34", "p?ss", "12?34", "p#ss", "p@s/s", "p/s@s", "p@a.b/c", r"p\s", "p:s", ""]
)
def test_a_password_may_contain_the_marks_of_a_url(password):
    assert redact(f"rtsp://admin:{password}@10.0.0.2:554/live") == "rtsp://***@10.0.0.2:554/live"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://user:se/cr@et@door/x", "rtsp://***@door/x"),
        ("rtsp://user:12/34@door/x", "rtsp://***"),  # or the host user:12 with a path
        ("http://door:80/v?mail=me@mail&pw=x", "http://***"),  # or the password 80/v?mail=me
    ],
)
def test_the_host_is_hidden_only_where_it_may_be_a_part_of_a_secret(url, shown):
    assert redact(url) == shown


@pytest.mark.parametrize("host", ["10.0.0.2:80", "door.lan", "door.lan:80", "door", "localhost:80", "[fe80::1]:80"])
def test_an_at_sign_in_a_value_does_not_hide_the_host(host):
    assert redact(f"http://{host}/v?user=me@mail.com&pw=secret") == f"http://{host}/v?user=***&pw=***"


@pytest.mark.parametrize(
    "name", ["a.jpg", "img@2x.png", "runs/lr=0.1", r"C:\photos\a.jpg", "a: b?.jpg", "demo", "0", ""]
)
def test_names_of_files_stay_as_they_are(name):
    assert redact(name) == name


SECRETS = st.text(string.printable, min_size=6, max_size=30).map(lambda text: f"hu{text}sh")
WORDS = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
HOSTS = st.sampled_from(["10.0.0.2", "10.0.0.2:554", "door.lan", "door.lan:80", "door", "door:80", "[fe80::1]:80"])
SCHEMES = st.sampled_from(["rtsp://", "http://", "srt://", "onvif://", "MQTT://", "http:/", "x+y:///", "rtsp:\\\\"])
PLACES = st.sampled_from(
    [
        "{scheme}{secret}@{host}/{word}",
        "{scheme}{word}:{secret}@{host}/{word}?{word}={word}",
        "{word}:{secret}@{host}/{word}",
        "{scheme}{host}/{word}?{word}={secret}",
        "{scheme}{host}?a={word}&{word}={secret}&{word}={word}",
        "{scheme}{word}:{word}@{host}/{word}?a={word};{word}={secret}",
        "{scheme}{host}/{word}#{secret}",
        "{scheme}{host}/user={word}_password={secret}_channel=1",
        "{host}/{word}?{word}={secret}",
    ]
)


@given(place=PLACES, scheme=SCHEMES, host=HOSTS, word=WORDS, secret=SECRETS)
def test_no_secret_is_shown_wherever_it_stands(place, scheme, host, word, secret):
    url = place.format(scheme=scheme, host=host, word=word, secret=secret)
    assert secret not in redact(url)
    assert secret not in redact_text(f"'{url}' is not a number, {url!r} neither: {url}", [url])


@given(st.text(string.printable, max_size=40))
def test_any_text_is_redacted_once(text):
    for url in (text, f"rtsp://{text}", f"http://10.0.0.2/{text}"):
        assert redact(redact(url)) == redact(url)


def test_urls_in_a_message_are_redacted():
    said = "'rtsp://me:secret@cam/1' does not open (see http://c/?a=b); me:secret@cam, c/v?pw=secret."
    assert redact_text(said) == "'rtsp://***@cam/1' does not open (see http://c/?a=***); ***@cam, c/v?pw=***."


@pytest.mark.parametrize("quote", [str, repr, lambda url: " ".join(url.split()), lambda url: str(Path(url))])
def test_known_addresses_are_redacted_as_a_message_quotes_them(quote):
    url = r"rtsp://me:12  \secret@cam.lan/1"
    said = redact_text(f"{quote(url)} is not a number", ["0", url])
    assert said.replace("'", "").replace(":/***", "://***") == "rtsp://***@cam.lan/1 is not a number"


def test_the_examples_run():
    assert doctest.testmod(module).failed == 0
