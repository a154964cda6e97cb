import pytest
from lxml import etree

from learnloop.prepare import cnxml, mathml

M = 'xmlns:m="http://www.w3.org/1998/Math/MathML"'


def math(inner: str) -> str:
    return mathml.text(etree.fromstring(f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>'))


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("<mfrac><mrow><mi>x</mi><mo>-</mo><mi>μ</mi></mrow><mi>σ</mi></mfrac>", "(x - μ)/σ"),
        ("<mover><mi>x</mi><mo>¯</mo></mover><mo>=</mo><mn>3,5</mn>", "x\u0304 = 3,5"),
        (
            "<msup><mrow><mo>(</mo><mi>a</mi><mo>+</mo><mn>1</mn><mo>)</mo></mrow><mn>2</mn></msup>",
            "(a + 1)^2",
        ),
        ("<msub><mi>H</mi><mrow><mi>n</mi><mo>-</mo><mn>1</mn></mrow></msub>", "H_(n - 1)"),
        ("<msqrt><mi>n</mi></msqrt>", "√n"),
        ("<msqrt><mi>n</mi><mo>+</mo><mn>1</mn></msqrt>", "√(n + 1)"),
        ("<mi>x</mi><mo>=</mo><mo>-</mo><mn>2</mn>", "x = -2"),
        ("<mo>(</mo><mo>-</mo><mn>2</mn><mo>,</mo><mn>3</mn><mo>)</mo>", "(-2, 3)"),
        (
            "<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>",
            "∑_(i = 1)^n",
        ),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a, b)"),
        ("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr></mtable>", "[1, 2]"),
        ("<mi>P</mi><mo>\u2061</mo><mfenced><mi>A</mi></mfenced>", "P(A)"),
        ("<mtext>if </mtext><mi>x</mi><mspace/><mtext>is</mtext>", "if x is"),
        ("<mroot><mi>x</mi><mn>3</mn></mroot>", "3√x"),
    ],
)
def test_formulas_as_text(inner: str, text: str) -> None:
    assert math(inner) == text


def content(inner: str, language: str = "en") -> str:
    root = cnxml.parsed(
        f'<document xmlns="http://cnx.rice.edu/cnxml" {M}><content>{inner}</content></document>'
    )
    return cnxml.Writer(root, language).text(cnxml.first(root, "content"))


@pytest.mark.parametrize(
    ("inner", "text"),
    [
        ("<para>One\n   two <emphasis>three</emphasis>.</para><para>Four.</para>", "One two three.\n\nFour."),
        ("<para>A<newline/>B</para>", "A\nB"),
        ("<list><item>x</item><item>y</item></list>", "- x\n- y"),
        (
            '<list list-type="enumerated" number-style="lower-alpha"><item><para>x</para></item>'
            "<item>y</item></list>",
            "a. x\nb. y",
        ),
        ('<para>See <link target-id="t"/>.</para><table id="t"/>', "See [table]."),
        ('<para>See <link document="m1"/>.</para>', "See […]."),
        ('<para><link url="https://x.example">there</link></para>', "there"),
        (
            "<table><row><entry>a</entry><entry>b</entry></row><row><entry>1</entry><entry/></row></table>",
            "a | b\n1 |",
        ),
        ('<figure><media alt="A  bell"><image/></media><caption>Fig</caption></figure>', "[A bell]\n\nFig"),
        ("<para>m<sup>2</sup>, x<sub>i+1</sub></para>", "m^2, x_(i+1)"),
        ("<para>So<footnote>Or not.</footnote>.</para>", "So (Or not.)."),
        (
            "<section><title>Homework</title><exercise><problem>1?</problem></exercise></section><para>z</para>",
            "z",
        ),
        ("<example><exercise><problem>1?</problem><solution>2.</solution></exercise></example>", "1?\n\n2."),
        ('<section class="references"><title>Who</title><para>Me</para></section><para>z</para>', "z"),
        ("<para>a<!-- hidden -->b</para>", "ab"),
    ],
)
def test_elements_as_text(inner: str, text: str) -> None:
    assert content(inner) == text


def test_links_speak_the_books_language() -> None:
    assert content('<para><link target-id="f"/></para><figure id="f"/>', "es") == "[figura]"


@pytest.mark.parametrize(
    ("number", "style", "text"),
    [
        (3, "lower-alpha", "c"),
        (3, "upper-alpha", "C"),
        (14, "lower-roman", "xiv"),
        (9, "upper-roman", "IX"),
        (3, "arabic", "3"),
        (27, "lower-alpha", "27"),
        (40, "lower-roman", "40"),
    ],
)
def test_the_marks_of_lists(number: int, style: str, text: str) -> None:
    assert cnxml.numeral(number, style) == text


BILLION = (
    '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><document xmlns="http://cnx.rice.edu/cnxml">'
    "<content><para>&b;</para></content></document>"
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BILLION, "declares entities"),
        (BILLION.replace('"ha"', 'SYSTEM "file:///etc/hostname"'), "declares entities"),
        ("<document><para></document>", "not well-formed"),
        ("<document>&nbsp;</document>", "not well-formed"),
        ("<a>" * 400 + "</a>" * 400, "not well-formed"),  # deeper than any book
        ("", "not well-formed"),
    ],
)
def test_xml_that_is_not_read(text: str, reason: str) -> None:
    with pytest.raises(cnxml.Malformed, match=reason):
        cnxml.parsed(text)


def test_a_doctype_without_entities_is_harmless() -> None:
    text = '<!DOCTYPE document PUBLIC "-//CNX//DTD CNXML 0.5//EN" "http://x.example/cnxml.dtd"><document/>'
    assert cnxml.name(cnxml.parsed(text)) == "document"
