// Written by editors/generate.py from grammar.in.js and grammar/mlspec.lark.
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
    file: ($) => seq("mlspec", $.edition, repeat($._statement)),

    _statement: ($) => choice($.use, $.setting, $.declaration, $.definition, $.patch, $.block, $.extern),

    use: ($) => seq("use", field("path", $.string), "as", field("name", $.name)),

    setting: ($) => seq($._head, "=", field("value", $._expression), repeat($.attribute)),

    declaration: ($) => seq($._head, ":", $.type, repeat($.attribute), optional(seq("=", field("default", $._expression)))),

    _head: ($) => choice($._first, seq(field("name", $.name), field("label", choice($.name, alias($._dotted, $.reference))))),
    _dotted: ($) => seq($.name, ".", $.name, repeat(seq(".", $.name))),

    // A column may be called `set`: a word is one only before what it needs.
    _first: ($) => field("name", choice($.name, alias($._word, $.name))),
    _word: () => choice("use", "set", "extern"),

    definition: ($) => seq($._first, ":=", field("value", $._expression), repeat($.attribute)),

    patch: ($) => seq("set", field("path", $.reference), "=", field("value", $._expression)),

    block: ($) => seq(field("kind", $.name), optional(field("name", $.name)), $._body),

    extern: ($) =>
      seq("extern", field("kind", $.name), field("name", $.name), "(", list($.parameter), ")", "->", $.type, $._body),

    _body: ($) => seq("{", repeat($._statement), "}"),

    parameter: ($) => seq(field("name", $.name), ":", $.type),

    type: ($) => seq(field("name", $.name), optional($._arguments), optional("?")),

    attribute: ($) => seq("@", field("name", $.name), optional($._arguments)),

    _arguments: ($) => seq("(", list($._argument), ")"),

    _argument: ($) => choice($._expression, $.named_argument),

    named_argument: ($) => seq(field("name", choice($.name, alias("null", $.name))), ":", field("value", $._expression)),

    // Expressions, loosest first; comparisons do not chain.

    _expression: ($) => choice($.conditional, $._or),

    conditional: ($) => seq("if", $._expression, "then", $._expression, "else", $._expression),

    _or: ($) => choice($._and, alias($._or_more, $.binary)),
    _or_more: ($) => seq($._or, "or", $._and),

    _and: ($) => choice($._not, alias($._and_more, $.binary)),
    _and_more: ($) => seq($._and, "and", $._not),

    _not: ($) => choice($._comparison, alias($._not_more, $.unary)),
    _not_more: ($) => seq("not", $._not),

    _comparison: ($) => choice($._range, alias($._comparison_more, $.binary)),
    _comparison_more: ($) => seq($._range, choice("==", "!=", "<", "<=", ">", ">=", "in"), $._range),

    _range: ($) => choice($._coalesce, alias($._range_more, $.range)),
    _range_more: ($) => seq($._coalesce, "..", $._coalesce),

    _coalesce: ($) => choice($._sum, alias($._coalesce_more, $.binary)),
    _coalesce_more: ($) => seq($._coalesce, "??", $._sum),

    _sum: ($) => choice($._product, alias($._sum_more, $.binary)),
    _sum_more: ($) => seq($._sum, choice("+", "-"), $._product),

    _product: ($) => choice($._unary, alias($._product_more, $.binary)),
    _product_more: ($) => seq($._product, choice("*", "/"), $._unary),

    _unary: ($) => choice($._atom, alias($._unary_more, $.unary)),
    _unary_more: ($) => seq("-", $._unary),

    _atom: ($) => choice($._literal, $.reference, $.call, $.list, $.group),

    call: ($) => seq(field("function", $.reference), $._arguments),

    list: ($) => seq("[", list($._expression), "]"),

    group: ($) => seq("(", $._expression, ")"),

    reference: ($) => seq($.name, repeat(seq(".", $.name))),

    _literal: ($) => choice($.number, $.string, $.text, $.digest, $.constant),

    constant: () => choice("true", "false", "null"),

    edition: () => token(prec(1, /[0-9]{4}\.[0-9]+/)),
    number: () => token(choice(/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z/, /[0-9]{4}-[0-9]{2}-[0-9]{2}/, /[0-9][0-9_]*(\.[0-9]+)?(ms|s|min|h|d|w)|[0-9][0-9_]*(\.[0-9]+)?(B|kB|KiB|MB|MiB|GB|GiB)|[0-9][0-9_]*(\.[0-9]+)?(rps|rpm|tps|tpm)|[0-9][0-9_]*(\.[0-9]+)?%|[0-9][0-9_]*(\.[0-9]+)?pp/, /[0-9][0-9_]*(\.[0-9]+([eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)/, /(0|[1-9][0-9]*|[1-9][0-9]{0,2}(_[0-9]{3})+)/)),
    string: () => /"([^"\\\n]|\\[\\"nt]|\\u\{[0-9A-Fa-f]{1,6}\})*"/,
    text: () => token(/[A-Za-z][A-Za-z0-9_]*"""([^"]|"[^"]|""[^"])*"""/),
    digest: () => token(/sha256:[0-9a-f]{64}/),
    name: () => /[A-Za-z][A-Za-z0-9_]*/,

    documentation: () => token(prec(1, /##[^\n]*/)),
    comment: () => token(/#[^\n]*/),
  },
});
