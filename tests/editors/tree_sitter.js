// Prints what grammar.js says, as data: the functions of tree-sitter's language for grammars, which each build a node.
const names = new Proxy({}, { get: (_, name) => ({ type: "SYMBOL", name }) });
const rule = (item) =>
  typeof item === "string" ? { type: "STRING", value: item } : item instanceof RegExp ? { type: "PATTERN", value: item.source } : item;

global.seq = (...items) => ({ type: "SEQ", members: items.map(rule) });
global.choice = (...items) => ({ type: "CHOICE", members: items.map(rule) });
global.repeat = (item) => ({ type: "REPEAT", content: rule(item) });
global.optional = (item) => ({ type: "CHOICE", members: [rule(item), { type: "BLANK" }] });
global.field = (name, item) => ({ type: "FIELD", name, content: rule(item) });
global.alias = (item, to) => ({ type: "ALIAS", content: rule(item), to: rule(to) });
global.token = (item) => ({ type: "TOKEN", content: rule(item) });
global.prec = (value, item) => ({ type: "PREC", value, content: rule(item) });
global.grammar = (given) => ({
  name: given.name,
  word: given.word(names).name,
  extras: given.extras(names).map(rule),
  rules: Object.fromEntries(Object.entries(given.rules).map(([name, make]) => [name, rule(make(names))])),
});

process.stdout.write(JSON.stringify(require(require("path").resolve(process.argv[2]))));
