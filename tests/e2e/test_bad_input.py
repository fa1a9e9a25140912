"""Bad interchanges by HTTP: each gets an answer that says what, where and how to mend it, and disturbs nothing beside it."""

import gzip
import os
import random
import re
import socket

import httpx
import pytest

from nasty_partner import Gateway, Writer, line_of, s10, wait
from parcelgate.codecs import translate
from parcelgate.codecs.event import Closed
from parcelgate.core.fault import catalogue

CUSITM = "upu/cusitm/own-1"
JUNK_MEMORY = 160 * 2**20
MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    gateway = Gateway(tmp_path_factory.mktemp("nasty"))
    yield gateway
    gateway.close()


@pytest.fixture(scope="module")
def writer():
    return Writer("post-jp", 10_000)


@pytest.fixture(scope="module")
def good():
    return Writer("post-kr", 500_000)


@pytest.fixture(autouse=True)
def undisturbed(gateway, good):
    """A good interchange before and one after each bad one are decided as if they were alone."""
    with gateway.beside(good):
        yield


def told(fault):
    """Every fault says what and how to mend it, in the words of the catalogue, with nothing left unfilled."""
    assert (
        fault["code"] in catalogue() and fault["sentence"].endswith((".", ">")) and fault["hint"].endswith((".", ";"))
    )
    assert not re.search(r"\{\w+\}|\.\.$|Traceback|<class", fault["sentence"] + fault["hint"])
    return fault


# What the first bytes show is refused at once: name, body made from a good one, code, line, words of the sentence.
AT_THE_DOOR = [
    ("nothing at all", lambda whole: b"", "INTERCHANGE_EMPTY", 0, "no content"),
    ("blanks", lambda whole: b" \r\n\t" * 50, "DOCUMENT_EMPTY", 0, "empty"),
    ("a letter", lambda whole: b"Dear customs,\nplease find enclosed", "DOCUMENT_NOT_XML", 1, "begin with <"),
    ("a letter after blank lines", lambda whole: b"\n\n\nDear", "DOCUMENT_NOT_XML", 4, "begin with <"),
    ("a PDF", lambda whole: b"%PDF-1.7\n\xff\xfe\0", "DOCUMENT_NOT_XML", 1, "is a PDF"),
    ("a ZIP archive", lambda whole: b"PK\x03\x04" + bytes(500), "DOCUMENT_NOT_XML", 1, "is a ZIP archive"),
    ("compressed", gzip.compress, "DOCUMENT_NOT_XML", 1, "compressed with gzip"),
    ("JSON", lambda whole: b'{"items": []}', "FORMAT_UNKNOWN", 1, "an object with items"),
    ("EDIFACT", lambda whole: b"UNB+UNOC:3+JPA+DEA'", "FORMAT_UNKNOWN", 1, "an interchange without UNH"),
    ("zeros", lambda whole: bytes(5000), "DOCUMENT_NOT_XML", 1, "begin with <"),
    ("UTF-32", lambda whole: whole.decode().encode("utf-32"), "XML_ENCODING", 1, "UTF-32"),
    ("EBCDIC", lambda whole: whole.decode().encode("cp037", "replace"), "XML_ENCODING", 1, "EBCDIC"),
    ("an encoding of nobody", lambda whole: whole.replace(b"UTF-8", b"KLINGON", 1), "XML_ENCODING", 1, "KLINGON"),
    ("not the encoding it names", lambda whole: whole.replace(b"UTF-8", b"UTF-16", 1), "XML_ENCODING", 1, "encoding"),
    ("a DOCTYPE", lambda whole: with_doctype(whole, b"<!DOCTYPE CUSITM>"), "XML_DOCTYPE", 2, "DOCTYPE"),
    ("an entity bomb", lambda whole: with_doctype(whole, bomb()), "XML_DOCTYPE", 2, "DOCTYPE"),
    (
        "an external entity",
        lambda whole: with_doctype(whole, b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "XML_DOCTYPE", 2, "DOCTYPE",
    ),
    ("an attribute bomb at the root", lambda whole: with_attributes(whole, b"<CUSITM ", 100), "XML_TOO_MANY_ATTRIBUTES", 1, "100"),
    ("a larger one", lambda whole: with_attributes(whole, b"<CUSITM ", 100_000), "XML_PROLOG_TOO_LARGE", 1, "65536"),
    ("an unknown root", lambda whole: b"<?xml version='1.0'?><INVOICE><a/></INVOICE>", "FORMAT_UNKNOWN", 1, "<INVOICE>"),
    ("another namespace", lambda whole: whole.replace(b"own-1", b"own-2", 1), "FORMAT_UNKNOWN", 1, "own-2"),
    ("another format", lambda whole: b'<CUSRSP xmlns="urn:parcelgate:upu:cusrsp:own-1"/>', "FORMAT_NOT_AGREED", 0, "cusrsp"),
    ("cut off in the prolog", lambda whole: whole[:30], "XML_TRUNCATED", 1, "ends before"),
]  # fmt: skip


def with_doctype(whole, doctype):
    head, _, rest = whole.partition(b"?>\n")
    return head + b"?>\n" + doctype + b"\n" + rest


def bomb():
    rows = [b'<!ENTITY a "lolololol">']
    rows += [b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)]
    return b"<!DOCTYPE CUSITM [" + b"".join(rows) + b"]>"


def with_attributes(whole, after, count):
    return whole.replace(after, after + b" ".join(b'a%d="x"' % number for number in range(count)) + b" ", 1)


@pytest.mark.parametrize(
    ("body", "code", "line", "words"), [row[1:] for row in AT_THE_DOOR], ids=[row[0] for row in AT_THE_DOOR]
)
def test_what_the_first_bytes_show_is_refused_at_once(gateway, writer, body, code, line, words):
    before = gateway.rows("SELECT count(*) FROM postal_interchange WHERE partner = 'post-jp'")
    answer = gateway.hand_in(body(writer.write()))
    assert (answer.status, answer.codes) == (422, [code])
    fault = told(answer.faults[0])
    assert (fault.get("line", 0), words in fault["sentence"]) == (line, True), fault
    assert gateway.rows("SELECT count(*) FROM postal_interchange WHERE partner = 'post-jp'") == before


def test_the_hint_of_an_unknown_root_names_the_roots_that_are_known(gateway):
    (fault,) = gateway.hand_in(b"<INVOICE/>").faults
    assert "<CUSITM xmlns='urn:parcelgate:upu:cusitm:own-1'> (upu/cusitm/own-1)" in fault["hint"]


# What is found on the way rejects the whole: name, body, code, the mark on whose line it is, address.
ON_THE_WAY = [
    ("an entity of nobody", lambda whole: put(whole, b"&boo;"), "XML_ENTITY", b"&boo;", ""),
    ("a control character", lambda whole: put(whole, b"\x01"), "XML_NOT_WELL_FORMED", b"\x01", ""),
    ("a number of no character", lambda whole: put(whole, b"&#0;"), "XML_NOT_WELL_FORMED", b"&#0;", ""),
    ("an attribute twice", lambda whole: put(whole, b'<b a="1" a="2"/>'), "XML_NOT_WELL_FORMED", b"<b a", ""),
    ("a prefix of nobody", lambda whole: put(whole, b"<x:b/>"), "XML_NOT_WELL_FORMED", b"<x:b/>", ""),
    ("crossed tags", lambda whole: put(whole, b"<b><i></b></i>"), "XML_NOT_WELL_FORMED", b"<b><i>", ""),
    ("Latin-1 in UTF-8", lambda whole: put(whole, b"caf\xe9"), "XML_ENCODING", b"caf\xe9", ""),
    ("nested too deeply", lambda whole: put(whole, b"<a>" * 5000 + b"</a>" * 5000), "XML_TOO_DEEP", b"<a><a>", ""),
    ("a DOCTYPE in the middle", lambda whole: put(whole, b"<!DOCTYPE a>"), "XML_NOT_WELL_FORMED", b"<!DOCTYPE", ""),
    ("something after the end", lambda whole: whole + b"junk", "XML_NOT_WELL_FORMED", b"junk", ""),
    ("two documents in one", lambda whole: whole + whole, "XML_NOT_WELL_FORMED", None, ""),
    ("another count", lambda whole: re.sub(rb"<ItemsCount>\d+", b"<ItemsCount>7", whole, count=1), "ITEMS_COUNT_DIFFERS", None, "/CUSITM/Header/ItemsCount"),
    ("no header", lambda whole: re.sub(rb"<Header>.*</Header>", b"", whole, flags=re.DOTALL), "HEADER_MISSING", None, ""),
    ("two headers", lambda whole: re.sub(rb"(<Header>.*</Header>)", rb"\1\1", whole, flags=re.DOTALL), "HEADER_REPEATED", None, "/CUSITM/Header"),
    ("no reference", lambda whole: re.sub(rb"<InterchangeRef>.*</InterchangeRef>", b"", whole), "HEADER_FIELD_MISSING", b"<Header>", "/CUSITM/Header/InterchangeRef"),
    ("no item", lambda whole: re.sub(rb"<Item>.*</Item>", b"", whole, flags=re.DOTALL), "ITEMS_MISSING", None, ""),
]  # fmt: skip


def put(whole, spoilt, number=2):
    """Put bytes into the place of the recipient's city of an item."""
    parts = whole.split(b"<RecipientCity>")
    return (
        b"<RecipientCity>".join(parts[:number]) + b"<RecipientCity>" + spoilt + b"<RecipientCity>".join(parts[number:])
    )


@pytest.mark.parametrize(
    ("body", "code", "mark", "address"), [row[1:] for row in ON_THE_WAY], ids=[row[0] for row in ON_THE_WAY]
)
def test_what_is_wrong_with_the_whole_rejects_it_whole(gateway, writer, body, code, mark, address):
    whole = writer.write(3)
    spoilt = body(whole)
    answer = gateway.hand_in(spoilt)
    assert (answer.status, answer.outcome["state"]) == (202, "REJECTED")
    fault = told(answer.faults[0])
    assert (fault["code"], fault.get("address", "")) == (code, address)
    if mark is not None:
        assert fault["line"] == line_of(spoilt, mark), fault
    assert set(answer.statuses()) <= {"rejected"} and answer.outcome["counts"]["accepted"] == 0
    for item in answer.outcome["items"]:
        assert all(told(one) for one in item["faults"]) and item["decisions"] == []
    # The mended one is taken, under the same reference.
    mended = gateway.hand_in(whole)
    assert (mended.outcome["state"], mended.statuses()) == ("ROUTED", ["accepted"] * 3)


def wrong_digit(whole):
    found = re.findall(rb"<Id>(\w+)</Id>", whole)[1]
    digit = (int(found[10:11]) + 1) % 10
    return whole.replace(found, found[:10] + b"%d" % digit + found[11:])


def without_identifier(whole, instead=b""):
    found = re.findall(rb"<Id>\w+</Id>", whole)[1]
    return whole.replace(found, instead)


# What is wrong with one item is its own matter: name, body, code, status, below which address, mark.
IN_ONE_ITEM = [
    ("an attribute bomb", lambda whole: second(whole, b"<Item>", with_attributes(b"<Item >", b"<Item ", 5000)), "ITEM_TOO_COMPLEX", "rejected", "", b'<Item a0="x"'),
    ("a flood of elements", lambda whole: put(whole, b"</RecipientCity>" + b"<a/>" * 60_000 + b"<RecipientCity>"), "ITEM_TOO_COMPLEX", "rejected", "", None),
    ("a flood of text", lambda whole: put(whole, b"x" * 2_000_000), "ITEM_TOO_LARGE", "rejected", "", None),
    ("no identifier", without_identifier, "KEY_MISSING", "rejected", "/MailObject/Id", None),
    ("an empty identifier", lambda whole: without_identifier(whole, b"<Id> </Id>"), "KEY_MISSING", "rejected", "/MailObject/Id", b"<Id> </Id>"),
    ("an unknown field", lambda whole: second(whole, b"<FlowCd>", b"<Colour>red</Colour><FlowCd>"), "FIELD_UNKNOWN", "accepted", "/Declaration/Colour", b"<Colour>"),
    ("a wrong check digit", wrong_digit, "S10_CHECK_DIGIT", "accepted", "/MailObject/Id", None),
    ("a mass in pounds", lambda whole: second(whole, b"<GrossWeight>", b"<GrossWeight>1 lb "), "MASS_UNREADABLE", "accepted", "", None),
]  # fmt: skip


def second(whole, old, new):
    """Replace something in the second item."""
    start = whole.index(b"<Item>", whole.index(b"<Item>") + 1)
    at = whole.index(old, start)
    return whole[:at] + new + whole[at + len(old) :]


@pytest.mark.parametrize(
    ("body", "code", "status", "below", "mark"), [row[1:] for row in IN_ONE_ITEM], ids=[row[0] for row in IN_ONE_ITEM]
)
def test_what_is_wrong_with_one_item_leaves_its_neighbours_alone(gateway, writer, body, code, status, below, mark):
    whole = writer.write(3)
    spoilt = body(whole)
    answer = gateway.hand_in(spoilt)
    assert (answer.outcome["state"], answer.faults) == ("ROUTED", [])
    assert answer.statuses() == ["accepted", status, "accepted"]
    faults = [told(one) for one in answer.of_item(2)]
    fault = next(one for one in faults if one["code"] == code)
    assert fault["item_number"] == 2 and fault["address"].startswith("/CUSITM/Item[2]") and below in fault["address"]
    start = whole.index(b"<Item>", whole.index(b"<Item>") + 1)
    first_line = whole[:start].count(b"\n") + 1
    assert fault["line"] == line_of(spoilt, mark) if mark else fault["line"] >= first_line
    assert [one["code"] for number in (1, 3) for one in answer.of_item(number)] == []


def test_an_item_full_of_unknown_fields_holds_nobody_up(gateway, writer):
    flood = b"</RecipientCity>" + b"<a/>" * 30_000 + b"<RecipientCity>"
    answer = gateway.hand_in(put(writer.write(3), flood))
    assert answer.statuses() == ["accepted"] * 3
    found = [told(one)["code"] for one in answer.of_item(2)]
    assert found == ["FIELD_UNKNOWN"] * 100 + ["FAULTS_CUT"]


def test_one_bad_item_among_a_thousand_is_rejected_alone(gateway, writer):
    whole = writer.write(1000)
    found = re.findall(rb"<Id>\w+</Id>", whole)[617]
    answer = gateway.hand_in(whole.replace(found, b"<Id></Id>"))
    counts = answer.outcome["counts"]
    assert (counts["accepted"], counts["rejected"], counts["decided"]) == (999, 1, 999)
    (fault,) = answer.of_item(618)
    assert (fault["code"], fault["address"]) == ("KEY_MISSING", "/CUSITM/Item[618]/MailObject/Id")
    assert fault["line"] == line_of(whole, found)


def test_a_thousand_bad_items_are_each_told_why(gateway, writer):
    whole = re.sub(rb"<Id>\w+</Id>", b"<Id>  </Id>", writer.write(1000))
    answer = gateway.hand_in(whole)
    # Nothing of it was taken, so that the mended one may come under the same reference.
    assert (answer.outcome["state"], answer.faults, answer.outcome["counts"]["rejected"]) == ("REJECTED", [], 1000)
    addresses = [item["faults"][0]["address"] for item in answer.outcome["items"]]
    assert addresses == [f"/CUSITM/Item[{number}]/MailObject/Id" for number in range(1, 1001)]
    assert all(told(item["faults"][0])["code"] == "KEY_MISSING" for item in answer.outcome["items"])


def test_an_interchange_that_is_cut_off_anywhere_is_never_routed(gateway, writer):
    whole = writer.write(2).rstrip()
    chance = random.Random(5)
    for length in sorted(chance.sample(range(100, len(whole)), 8)):
        answer = gateway.hand_in(whole[:length])
        assert answer.codes in (["XML_TRUNCATED"], ["XML_ENCODING"]), length
        assert told(answer.faults[0]).get("line", 0) <= whole.count(b"\n") + 1
        assert answer.status == 422 or answer.outcome["counts"]["accepted"] == 0
    assert gateway.hand_in(whole).statuses() == ["accepted", "accepted"]


def test_at_whatever_byte_a_document_is_cut_off_the_reading_says_so(writer):
    whole = writer.write(1).rstrip()
    for length in range(len(whole)):
        closed = list(translate.read([whole[:length]], CUSITM))[-1]
        assert isinstance(closed, Closed) and not closed.routable
        assert [one.code for one in closed.faults if one.severity == 3][-1] in (
            "XML_TRUNCATED",
            "DOCUMENT_EMPTY",
            "DOCUMENT_NOT_XML",
            "XML_ENCODING",
        ), length
    assert list(translate.read([whole], CUSITM))[-1].routable


# 100 MiB of junk: what comes first, what is repeated, the code.
JUNK = [
    ("zeros", lambda start: b"", bytes(MEBIBYTE), "DOCUMENT_NOT_XML"),
    ("anything", lambda start: b"", random.Random(1).randbytes(MEBIBYTE), "DOCUMENT_NOT_XML"),
    ("open brackets", lambda start: b"", b"<" * MEBIBYTE, "XML_NOT_WELL_FORMED"),
    ("blanks before the root", lambda start: b"<?xml version='1.0'?>", b" " * MEBIBYTE, "XML_PROLOG_TOO_LARGE"),
    ("text after the header", lambda start: start, b"x" * MEBIBYTE, "HEADER_TOO_LARGE"),
    ("an item without end", lambda start: start + b"<Item><MailObject><Id>", b"A" * MEBIBYTE, "HEADER_TOO_LARGE"),
    ("an attribute without end", lambda start: start + b'<Item a="', b"y" * MEBIBYTE, "HEADER_TOO_LARGE"),
    ("a comment without end", lambda start: start + b"<!--", b"y" * MEBIBYTE, "HEADER_TOO_LARGE"),
    ("empty elements", lambda start: start, b"<a/>" * (MEBIBYTE // 4), "HEADER_TOO_LARGE"),
    ("elements that never close", lambda start: start, b"<a>" * (MEBIBYTE // 3), "XML_TOO_DEEP"),
]  # fmt: skip


@pytest.mark.parametrize(("start", "filler", "code"), [row[1:] for row in JUNK], ids=[row[0] for row in JUNK])
def test_a_hundred_mebibytes_of_junk_fill_no_memory(gateway, writer, start, filler, code):
    whole = writer.write(1)
    head = start(whole[: whole.index(b"<Item>")])

    def junk():
        yield head
        for _ in range(100):
            yield filler

    with gateway.memory_grows_at_most(JUNK_MEMORY):
        answer = gateway.hand_in(junk())
    assert answer.codes == [code]
    fault = told(answer.faults[0])
    assert 0 <= fault.get("line", 0) <= whole.count(b"\n") + 1
    if code == "HEADER_TOO_LARGE":
        assert fault["line"] >= 1


def test_the_same_bytes_get_the_same_receipt_and_other_content_under_the_reference_is_refused(gateway, writer):
    whole = writer.write(2, reference="SAME-AGAIN")
    first = gateway.hand_in(whole)
    again = gateway.ask("POST", "/v1/interchanges", "post-jp", whole).json()
    assert (again["receipt"], again["repeated"]) == (first.receipt, True)
    other = gateway.hand_in(writer.write(2, reference="SAME-AGAIN"))
    fault = told(other.faults[0])
    assert (fault["code"], other.statuses()) == ("REFERENCE_TAKEN", ["rejected", "rejected"])
    assert "SAME-AGAIN" in fault["sentence"] and first.receipt in fault["sentence"]
    assert gateway.ended(first.receipt, "post-jp")["counts"] == first.outcome["counts"]


def test_a_changed_item_without_amend_is_told_where_the_first_one_is(gateway, writer):
    whole = writer.write(2)
    first = gateway.hand_in(whole)
    reference = re.findall(rb"<InterchangeRef>(.*?)<", whole)[0]
    changed = re.sub(rb"<RecipientCity>.*?<", b"<RecipientCity>Elsewhere<", whole, count=1).replace(
        reference, reference + b"-B"
    )
    answer = gateway.hand_in(changed)
    assert answer.statuses() == ["rejected", "unchanged"]
    fault = told(answer.of_item(1)[0])
    assert fault["code"] == "CHANGED_WITHOUT_AMEND" and first.receipt in fault["sentence"] and "amend" in fault["hint"]


KEYS = {
    "none": {},
    "junk": {"Authorization": "Bearer junk"},
    "a wrong secret": {"Authorization": "Bearer post-jp.wrong"},
    "an unknown partner": {"Authorization": "Bearer post-zz." + "a" * 43},
    "a path": {"Authorization": "Bearer ../../etc/passwd.x"},
    "another scheme": {"Authorization": "Basic cG9zdC1qcA=="},
    "no ASCII": {"Authorization": "Bearer post-jp.\xe9\xff"},
    "very long": {"Authorization": "Bearer " + "a." * 20_000},
}


@pytest.mark.parametrize("key", list(KEYS))
def test_a_key_that_proves_nothing_is_refused_in_the_same_words(gateway, writer, key):
    for path in ("/v1/interchanges", "/v1/shipments", "/v1/reports"):
        headers = {name: value.encode("latin-1") for name, value in KEYS[key].items()}
        answer = httpx.post(gateway.process.http + path, content=writer.write(1), headers=headers, trust_env=False)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        (fault,) = answer.json()["faults"]
        assert told(fault)["code"] == "CREDENTIAL_REFUSED" and "Authorization: Bearer" in fault["hint"]


def test_the_key_of_another_kind_is_told_whose_door_it_is(gateway, writer):
    answer = gateway.hand_in(writer.write(1), partner="carrier-swift")
    fault = told(answer.faults[0])
    assert (answer.status, fault["code"]) == (403, "ROLE_REFUSED") and "POST or CUSTOMS" in fault["sentence"]


def test_an_upload_that_breaks_off_leaves_nothing_behind(gateway, writer):
    whole = writer.write(3)
    host, _, port = gateway.process.http.removeprefix("http://").partition(":")
    kept = "SELECT count(*) FROM postal_interchange WHERE partner = 'post-jp'"
    before = gateway.rows(kept)
    with socket.create_connection((host, int(port))) as line:
        head = f"POST /v1/interchanges HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key('post-jp')}\r\nContent-Length: {len(whole) + 2**21}\r\n\r\n"
        line.sendall(head.encode() + whole[:-200] + b" " * 2**21)
    wait(lambda: gateway.rows(kept) == before)
    assert gateway.hand_in(whole).statuses() == ["accepted"] * 3


def test_more_bytes_than_said_and_broken_http_are_no_matter(gateway):
    host, _, port = gateway.process.http.removeprefix("http://").partition(":")
    for raw in (
        b"\0\xff\xfe" * 5000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /v1/interchanges HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000,
    ):
        with socket.create_connection((host, int(port))) as line:
            line.settimeout(10)
            try:
                line.sendall(raw)
                line.shutdown(socket.SHUT_WR)
                answer = line.recv(4096)
            except OSError:
                answer = b""
            assert not answer.startswith(b"HTTP/1.1 5"), answer[:80]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing/here", 404, "ADDRESS_UNKNOWN"),
        ("GET", "/page/..%2f..%2fview.py", 404, "ADDRESS_UNKNOWN"),
        ("DELETE", "/v1/interchanges", 405, "METHOD_UNFIT"),
        ("PUT", "/v1/shipments", 405, "METHOD_UNFIT"),
        ("GET", "/v1/interchanges/" + "x" * 5000, 404, "RECEIPT_UNKNOWN"),
        ("GET", "/v1/interchanges/%00%ff", 400, "TEXT_NUL"),
        ("GET", "/v1/responses/99999999999999999999", 404, "RESPONSE_UNKNOWN"),
        ("GET", "/v1/responses?after=-1", 400, "QUERY_WRONG"),
        ("GET", "/v1/responses?limit=many", 400, "QUERY_WRONG"),
        ("GET", "/v1/responses?limit=" + "9" * 500, 400, "QUERY_WRONG"),
    ],
)
def test_a_wrong_address_or_query_is_answered_with_a_fault(gateway, method, path, status, code):
    answer = gateway.ask(method, path, "post-jp")
    assert (answer.status_code, [told(one)["code"] for one in answer.json()["faults"]]) == (status, [code])


def test_a_file_name_in_a_header_may_be_anything(gateway, writer):
    for name in (
        "<script>alert(1)</script>.xml",
        "..%2f..%2fetc%2fpasswd",
        "%01%0a%ff",
        "x" * 3000,
        "%F0%9F%92%A9.xml",
    ):
        answer = gateway.hand_in(writer.write(1), Parcelgate_File_Name=name)
        assert answer.statuses() == ["accepted"], name
        assert len(answer.outcome["name"]) <= 200


def test_numbers_are_made_right_for_these_tests():
    assert s10(47312482, "US", "EE") == "EE473124829US"
    assert os.sep == "/"
