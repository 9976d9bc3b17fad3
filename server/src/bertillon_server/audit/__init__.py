"""The audit: proposed codes against notes and rules.

In the order to read the files: `flow` has the notes coded and hands them on; `case` is what the rules are given;
`registry` lists the rules, `auditor` runs them. What the notes say of a proposed code is judged by `support` and then
`second_look`, over `places`. Every other module is a family of rules or what one needs: `evidence`, `validity`,
`exclusions`, `sequencing`, `duplicates`, `laterality`, `demographics`, `poa`, `queries`, `healing`. A rule is a pure
function from the case to findings; its docstring names its source.
"""
