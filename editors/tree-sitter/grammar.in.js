/*
 * The rules of mlspec for tree-sitter; T(NAME) stands for a terminal of grammar/mlspec.lark.
 *
 * Lines end statements in mlspec. Here a line break is blank like a space: what follows a statement never continues it, so the grammar
 * stays LALR(1) without lines (a test proves it), and a bracket may go over many lines. What must stand on one line is the checker's
 * to say, not an editor's.
 */
const list = (rule) => optional(seq(rule, repeat(seq(",", rule)), optional(",")));

module.exports = grammar({
  name: "mlspec",
  word: ($) => $.name,
  extras: ($) => [/[ \t\r\n\uFEFF]/, $.comment, $.documentation],

  rules: {
    file: ($) => seq(T(MLSPEC), $.edition, repeat($._statement)),

    _statement: ($) => choice($.use, $.setting, $.declaration, $.definition, $.patch, $.block, $.extern),

    use: ($) => seq(T(USE), field("path", $.string), T(AS), field("name", $.name)),

    setting: ($) => seq($._head, T(EQUAL), field("value", $._expression), repeat($.attribute)),

    declaration: ($) => seq($._head, T(COLON), $.type, repeat($.attribute), optional(seq(T(EQUAL), field("default", $._expression)))),

    _head: ($) => choice($._first, seq(field("name", $.name), field("label", choice($.name, alias($._dotted, $.reference))))),
    _dotted: ($) => seq($.name, T(DOT), $.name, repeat(seq(T(DOT), $.name))),

    // A column may be called `set`: a word is one only before what it needs.
    _first: ($) => field("name", choice($.name, alias($._word, $.name))),
    _word: () => choice(T(USE), T(SET), T(EXTERN)),

    definition: ($) => seq($._first, T(DEFINE), field("value", $._expression), repeat($.attribute)),

    patch: ($) => seq(T(SET), field("path", $.reference), T(EQUAL), field("value", $._expression)),

    block: ($) => seq(field("kind", $.name), optional(field("name", $.name)), $._body),

    extern: ($) =>
      seq(T(EXTERN), field("kind", $.name), field("name", $.name), T(LPAR), list($.parameter), T(RPAR), T(ARROW), $.type, $._body),

    _body: ($) => seq(T(OPEN), repeat($._statement), T(CLOSE)),

    parameter: ($) => seq(field("name", $.name), T(COLON), $.type),

    type: ($) => seq(field("name", $.name), optional($._arguments), optional(T(QUESTION))),

    attribute: ($) => seq(T(AT), field("name", $.name), optional($._arguments)),

    _arguments: ($) => seq(T(LPAR), list($._argument), T(RPAR)),

    _argument: ($) => choice($._expression, $.named_argument),

    named_argument: ($) => seq(field("name", choice($.name, alias(T(NULL), $.name))), T(COLON), field("value", $._expression)),

    // Expressions, loosest first; comparisons do not chain.

    _expression: ($) => choice($.conditional, $._or),

    conditional: ($) => seq(T(IF), $._expression, T(THEN), $._expression, T(ELSE), $._expression),

    _or: ($) => choice($._and, alias($._or_more, $.binary)),
    _or_more: ($) => seq($._or, T(OR), $._and),

    _and: ($) => choice($._not, alias($._and_more, $.binary)),
    _and_more: ($) => seq($._and, T(AND), $._not),

    _not: ($) => choice($._comparison, alias($._not_more, $.unary)),
    _not_more: ($) => seq(T(NOT), $._not),

    _comparison: ($) => choice($._range, alias($._comparison_more, $.binary)),
    _comparison_more: ($) => seq($._range, choice(T(EQ), T(NE), T(LT), T(LE), T(GT), T(GE), T(IN)), $._range),

    _range: ($) => choice($._coalesce, alias($._range_more, $.range)),
    _range_more: ($) => seq($._coalesce, T(RANGE), $._coalesce),

    _coalesce: ($) => choice($._sum, alias($._coalesce_more, $.binary)),
    _coalesce_more: ($) => seq($._coalesce, T(COALESCE), $._sum),

    _sum: ($) => choice($._product, alias($._sum_more, $.binary)),
    _sum_more: ($) => seq($._sum, choice(T(PLUS), T(MINUS)), $._product),

    _product: ($) => choice($._unary, alias($._product_more, $.binary)),
    _product_more: ($) => seq($._product, choice(T(STAR), T(SLASH)), $._unary),

    _unary: ($) => choice($._atom, alias($._unary_more, $.unary)),
    _unary_more: ($) => seq(T(MINUS), $._unary),

    _atom: ($) => choice($._literal, $.reference, $.call, $.list, $.group),

    call: ($) => seq(field("function", $.reference), $._arguments),

    list: ($) => seq(T(LSQB), list($._expression), T(RSQB)),

    group: ($) => seq(T(LPAR), $._expression, T(RPAR)),

    reference: ($) => seq($.name, repeat(seq(T(DOT), $.name))),

    _literal: ($) => choice($.number, $.string, $.text, $.digest, $.constant),

    constant: () => choice(T(TRUE), T(FALSE), T(NULL)),

    edition: () => token(prec(1, T(EDITION))),
    number: () => token(choice(T(INSTANT), T(DATE), T(DURATION|BYTES|RATE|PERCENT|POINTS), T(FLOAT), T(INT))),
    string: () => T(STRING),
    text: () => token(T(TEXT)),
    digest: () => token(T(DIGEST)),
    name: () => T(NAME),

    documentation: () => token(prec(1, /##[^\n]*/)),
    comment: () => token(/#[^\n]*/),
  },
});
