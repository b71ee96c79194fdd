"""Numbers as a reader wants them: a few digits, a real minus sign, a dash for what is not known."""

UNKNOWN = "–"


def number(value: float | None, size: float | None = None) -> str:
    """A mean or a value; ``size`` is the number whose digits it has, its own where none is given.

    >>> number(0.51234), number(-12.345), number(48211.7), number(0.00004), number(None)
    ('0.512', '−12.35', '48,212', '4.0e−05', '–')
    """
    if value is None:
        return UNKNOWN
    size = abs(value) if size is None else size
    if size >= 1000:
        text = f"{value:,.0f}"
    elif size >= 100:
        text = f"{value:.1f}"
    elif size >= 10:
        text = f"{value:.2f}"
    elif size >= 0.0005 or size < 1e-12:
        text = f"{abs(value) if abs(value) < 1e-12 else value:.3f}"
    else:
        text = f"{value:.1e}"
    return text.replace("-", "−")


def signed(value: float | None) -> str:
    """A difference, with its sign.

    >>> signed(0.25), signed(-0.25), signed(0.0)
    ('+0.250', '−0.250', '0.000')
    """
    text = number(value)
    return f"+{text}" if value is not None and value >= 1e-12 else text


def short(value: float, sign: str = "") -> str:
    """One case's value, with no digits that say nothing; ``sign`` stands before what is above zero.

    >>> short(1.0), short(0.6666667), short(1234.0), short(0.5, "+")
    ('1', '0.667', '1,234', '+0.5')
    """
    text = f"{value:,.0f}" if value == round(value) and abs(value) < 1e12 else f"{value:.3g}"
    return "0" if text == "-0" else (sign if value > 0 else "") + text.replace("-", "−")


def interval(low: float | None, high: float | None) -> str:
    """The ends of an interval, with as many digits as the larger has.

    >>> interval(-0.3, -0.00001), interval(None, None)
    ('[−0.300, −0.000]', '')
    """
    if low is None or high is None:
        return ""
    size = max(abs(low), abs(high))
    return f"[{number(low, size)}, {number(high, size)}]"


def probability(value: float | None) -> str:
    """A p-value.

    >>> probability(0.00001), probability(0.034)
    ('< 0.001', '0.034')
    """
    if value is None:
        return UNKNOWN
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def count(value: int) -> str:
    """A number of things.

    >>> count(10000)
    '10,000'
    """
    return f"{value:,}"


def share(value: float) -> str:
    """A confidence as a percentage.

    >>> share(0.95), share(0.999)
    ('95%', '99.9%')
    """
    return f"{100 * value:.6g}%"
