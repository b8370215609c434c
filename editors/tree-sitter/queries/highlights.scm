; Written by editors/generate.py from grammar/highlight.toml.
(name) @variable
["mlspec" "extern" "then" "else" "use" "set" "and" "not" "as" "if" "or" "in"] @keyword
[":=" "->" "==" "!=" "<=" ">=" "??" ".." "<" ">" "=" "?" "+" "-" "*" "/"] @operator
[":" "." "," "(" ")" "[" "]" "{" "}"] @punctuation.delimiter
(comment) @comment
(documentation) @comment.documentation
(string) @string
(text) @string.special
(digest) @string.special
(constant) @constant.builtin
[(edition) (number)] @number
(attribute "@" @attribute name: (name) @attribute)
(block kind: (name) @type.definition)
(setting name: (name) @property)
(definition name: (name) @variable.member)
(type name: (name) @type.builtin)
(call function: (reference (name) @function.call .))
