"""Secrets in addresses: of a URL only the scheme, the host, the path and the names of parameters are shown.

The rule knows no names of parameters: cameras call a password `pw`, `psw`, `p`, `sig` and more. People also paste
passwords with a raw `@`, `/`, `?` or `#`, so that an address may have two readings; where both are likely, the host is
hidden as well.
"""

import re
from collections.abc import Iterable
from itertools import chain
from pathlib import PurePath

HIDDEN = "***"
SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:[/\\]+", re.IGNORECASE)
AT, EQUALS, QUESTION = r"(?:@|%(?:25)*40)", r"(?:[=:]|%(?:25)*3[ad])", r"(?:\?|%(?:25)*3f)"  # or percent-encoded
IP = r"(?:\[[\da-f:.%]+\]|\d+(?:\.\d+){3}|localhost)(?::\d*)?"
NAME = r"[\w-]+(?:\.[\w-]+)+"  # without a port: john.doe:12 may be a user and the beginning of a password
HOST = rf"{IP}|{NAME}"
ANY_HOST = r"[\w.-]*(?::\d*)?"
# without a scheme: user and password before a host, or parameters; other texts are names of files
BARE = re.compile(
    rf"(?>.*?(?::|%(?:25)*3a)).*{AT}|[^?]*\?.*=|.*(?:pass|pw|psw|token|secret)\w{{0,20}}=", re.IGNORECASE | re.DOTALL
)
IN_TEXT = re.compile(
    rf"(?<![^\s'\"(<=])(?:{SCHEME.pattern}\S+|\w[^\s:]{{0,500}}:[^\s@]{{0,500}}@\S+|\w[^\s?]{{0,500}}\?\S+)(?<![\"'),.;:])",
    re.IGNORECASE,
)


def redact(address: str) -> str:
    """Replace user, password, the value of every parameter and the fragment of a URL by `***`.

    The name of a file, and what was redacted before, are returned as they are.

    Example:
        >>> redact("rtsp://admin:hunter2@10.0.0.2/live?channel=1&pw=hunter2#now")
        'rtsp://***@10.0.0.2/live?channel=***&pw=***#***'
    """
    begin = SCHEME.match(address)
    if begin is None and not BARE.match(address):
        return address
    scheme, rest = (begin[0], address[begin.end() :]) if begin else ("", address)
    authority, tail = _split_tail(rest)
    user, host = _split_user(authority)
    path, at, _ = tail.partition("@")
    likely = rf"{HOST}|[\w-]+|{NAME}:\d+" if re.search(r"\?.*=", path) else IP if user else HOST
    if at and not _matches(likely, host):  # a raw / ? or # of the password ended the host too early
        hosts = HOST if _matches(ANY_HOST, host) else rf"{HOST}|{ANY_HOST}"
        user, after = _split_user(rest)
        host, tail = _split_tail(after)
        if not _matches(hosts, host):
            return scheme + HIDDEN
    if not _matches(rf"{HOST}|{ANY_HOST}", host):
        host = HIDDEN
    return f"{scheme}{user}{host}{_hide_values(tail)}"


def redact_text(text: str, addresses: Iterable[str] = ()) -> str:
    """Redact each URL in a message, and these addresses, which may contain spaces, wherever it quotes them."""
    for address in chain.from_iterable((address, str(PurePath(address))) for address in addresses):
        if (shown := redact(address)) != address:
            for quoted in (address, repr(address)[1:-1]):
                text = re.sub(r"\s+".join(map(re.escape, quoted.split())), shown.replace("\\", r"\\"), text)
    return IN_TEXT.sub(lambda found: redact(found[0]), text)


def _matches(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text, re.IGNORECASE) is not None


def _partition(pattern: str, text: str) -> tuple[str, str, str]:
    """The text before the first match, the match, and the text after it, as `str.partition` does."""
    found = re.search(pattern, text, re.IGNORECASE)
    return (text[: found.start()], found[0], text[found.end() :]) if found else (text, "", "")


def _split_tail(text: str) -> tuple[str, str]:
    """The text before the path, query or fragment, and those."""
    begin, mark, rest = _partition(r"[/\\?#]", text)
    return begin, mark + rest


def _split_user(text: str) -> tuple[str, str]:
    """What is shown of the user up to the last @, and the rest; udp://@239.0.0.1 has none."""
    found = re.match(rf"(.*){AT}(.*)", text, re.IGNORECASE | re.DOTALL)
    return (f"{HIDDEN if found[1] else ''}@", found[2]) if found else ("", text)


def _hide_values(tail: str) -> str:
    """Hide the values in path, query and fragment."""
    tail, fragment, _ = tail.partition("#")
    path, question, query = _partition(QUESTION, tail)
    pieces = [*re.split("([&;])", path), question, *re.split("([&;])", query)]  # every second one is a mark
    name, equals, _ = _partition(EQUALS, pieces[0])
    user, name = _split_user(name)
    shown = [user and f"/{user}", name, equals and equals + HIDDEN]
    for mark, part in zip(pieces[1::2], pieces[2::2], strict=True):
        name, equals, value = _partition("=|%(?:25)*3d", part)  # a:b may be the rest of a password with a raw &
        named = value.strip("=") and re.fullmatch(r"[\w.%-]+", name)
        shown += [mark, f"{name}{equals}{HIDDEN}" if named else part and HIDDEN]  # a value without a name
    return "".join([*shown, fragment and fragment + HIDDEN])
