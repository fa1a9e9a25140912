"""Words of any script: whole words only, nothing hidden, linear time."""

import time

import pytest

from parcelgate.risk.words import Lexicon, Terms, tokens, with_english_plurals


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Power-bank, 20_000 mAh!", ("power", "bank", "20", "000", "mah")),
        ("ＬＩＴＨＩＵＭ", ("lithium",)),
        ("STRASSE Straße", ("strasse", "strasse")),
        ("ex\u200dplo\u00adsive", ("explosive",)),
        ("合金手枪 x2", ("合", "金", "手", "枪", "x2")),
        ("हथियार किताब", ("हथियार", "किताब")),
        ("مواد متفجرات", ("مواد", "متفجرات")),
        (
            "ÅNGSTRÖM’s Größe, ĳzer-zaag ŉ ſchön İstanbul",
            ("ångström", "s", "grösse", "ijzer", "zaag", "ʼn", "schön", "i̇stanbul"),
        ),
        ("½ × ª÷µ²", ("1", "2", "a", "μ2")),
        ("caf\u00e9 cafe\u0301", ("café", "café")),
        ("", ()),
    ],
)
def test_a_text_is_split_into_its_words(text, parts):
    assert tokens(text) == parts


def test_the_shortcut_for_latin_letters_splits_as_all_other_scripts_are_split():
    for code in range(0x80, 0x250):
        text = f"a{chr(code)}b {chr(code)}c"
        # A Han sign behind it leads past the shortcut, and is a word of its own.
        assert tokens(f"{text} 手") == (*tokens(text), "手"), hex(code)


def test_a_description_is_read_once_and_a_long_one_is_not_kept():
    lexicon = Lexicon({"toys": ["toy"]})
    assert lexicon.read("Toy train") is lexicon.read("Toy train")
    assert lexicon.read("Toy train").lists == lexicon.bits["toys"]
    assert lexicon.read("toy " * 100) is not lexicon.read("toy " * 100)


def test_phrases_match_whole_words_only_and_in_one_pass():
    lexicon = Lexicon({"arms": ["arms", "stun gun"], "toys": ["toy"], "han": ["手枪"]})
    arms, toys, han = (lexicon.bits[name] for name in ("arms", "toys", "han"))
    assert lexicon.scan(tokens("silver charms, stunning gun-metal")) == 0
    assert lexicon.scan(tokens("toy STUN-GUN")) == arms | toys
    assert lexicon.scan(tokens("合金手枪配件")) == han


def test_a_phrase_without_letters_is_refused():
    with pytest.raises(ValueError, match="without letters"):
        Lexicon({"x": ["***"]})


def test_terms_cover_the_longest_run():
    terms = Terms(["gift", "gift items", "n/a"])
    assert terms.left_over(tokens("2 N/A"), enough=2) == 0
    assert terms.left_over(tokens("gift items of wool"), enough=9) == 2
    assert terms.left_over(tokens("gift items of wool"), enough=1) == 1


def test_english_plurals_are_added_where_one_can_be_made():
    assert with_english_plurals(["battery", "gas", "枪"]) == ["battery", "batterys", "batteries", "gas", "枪"]


def test_a_megabyte_of_near_misses_takes_time_in_proportion():
    lexicon = Lexicon({"x": ["a a a a b", "a a a c", "a a"]})

    def cost(length):
        text = "a " * length
        before = time.process_time()
        lexicon.scan(tokens(text))
        return time.process_time() - before

    cost(1_000)
    assert cost(400_000) < 40 * max(cost(40_000), 0.001)
