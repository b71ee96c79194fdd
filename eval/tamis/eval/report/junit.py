"""``junit.xml``: gates as tests that pass or fail, estimates as tests that hold their numbers, for any CI."""

from collections.abc import Mapping
from xml.etree import ElementTree

from .neutral import one_line, visible
from .report import Difference, Estimate, GateResult, Report


def junit(report: Report, timings: Report) -> bytes:
    """The report in JUnit's XML. A gate without enough data fails: it has not passed.

    A figure that nothing was scored of is skipped. No times: those of a CI are its own.
    """
    root = ElementTree.Element("testsuites", name=visible(f"tamis {report.run.suite}"))
    gates = _suite(root, "gates")
    for gate in (*report.gates, *timings.gates):
        _gate(gates, gate)
    differences = _suite(root, "differences")
    for difference in report.differences:
        _difference(differences, difference)
    estimates = _suite(root, "estimates")
    for estimate in (*report.estimates, *timings.estimates):
        _estimate(estimates, estimate)
    for suite in (gates, differences, estimates):
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(len(suite.findall("testcase/failure"))))
        suite.set("errors", "0")
        suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'.encode()


def _suite(root: ElementTree.Element, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(root, "testsuite", name=name)


def _case(
    suite: ElementTree.Element, name: str, numbers: Mapping[str, float | int | str | None]
) -> ElementTree.Element:
    classname = f"tamis.{suite.get('name')}"
    case = ElementTree.SubElement(suite, "testcase", name=one_line(name), classname=classname)
    properties = ElementTree.SubElement(case, "properties")
    for key, value in numbers.items():
        if value is not None:
            ElementTree.SubElement(properties, "property", name=key, value=visible(str(value)))
    return case


def _gate(suite: ElementTree.Element, gate: GateResult) -> None:
    numbers = {"value": gate.value, "low": gate.low, "high": gate.high, "n": gate.n}
    case = _case(suite, gate.gate, numbers)
    if gate.verdict != "pass":
        message = one_line(f"{gate.verdict}: {gate.reason}", 1000)
        ElementTree.SubElement(case, "failure", type=gate.verdict, message=message).text = message


def _difference(suite: ElementTree.Element, one: Difference) -> None:
    numbers = {
        "verdict": one.verdict,
        "difference": one.mean,
        "low": one.low,
        "high": one.high,
        "n": one.n,
        "p_holm": one.p_holm,
        "smallest_detectable": one.smallest_detectable,
        "worst": ", ".join(one.worst) or None,
    }
    case = _case(suite, f"{one.figure}: {one.variant} - {one.baseline}", numbers)
    if one.verdict == "not enough data":
        ElementTree.SubElement(case, "skipped", message=f"not enough data: {one.n} items were scored in both")


def _estimate(suite: ElementTree.Element, one: Estimate) -> None:
    numbers = {
        "scored": one.scored,
        "unscored": one.unscored,
        "failed": one.failed,
        "mean": one.mean,
        "low": one.low,
        "high": one.high,
    }
    case = _case(suite, f"{one.figure}: {one.variant}", numbers)
    if not one.scored:
        reasons = "; ".join(f"{count} x {reason}" for reason, count in one.reasons.items())
        ElementTree.SubElement(case, "skipped", message=one_line(f"nothing was scored: {reasons}", 1000))
