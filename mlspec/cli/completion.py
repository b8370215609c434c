"""Print the script that completes `mlspec` in a shell.

bash: `source <(mlspec completion bash)`; zsh: the same behind `compinit`; fish: `mlspec completion fish | source`.
"""

from __future__ import annotations

import argparse
import shlex
import sys

from mlspec.cli import exits
from mlspec.cli.terminal import out

FORMATS = ("text",)
_BASH = r"""# Completes mlspec in bash: source <(mlspec completion bash)
_mlspec() {
  local value help
  COMPREPLY=()
  compopt -o nosort -o nospace 2>/dev/null
  while IFS=$'\t' read -r value help; do
    case $value in */ | *= | *'#') ;; *) value+=' ' ;; esac
    COMPREPLY+=("$value")
  done < <(command mlspec completion words --breaks="$COMP_WORDBREAKS" --line="${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
}
complete -F _mlspec mlspec
"""
_ZSH = r"""#compdef mlspec
# Completes mlspec in zsh: source <(mlspec completion zsh), behind compinit; or as a file _mlspec in a folder of fpath
_mlspec() {
  local value help
  local -a done done_shown open open_shown
  while IFS=$'\t' read -r value help; do
    case $value in
      */ | *= | *'#') open+=("$value"); open_shown+=("$value${help:+  -- $help}") ;;
      *) done+=("$value"); done_shown+=("$value${help:+  -- $help}") ;;
    esac
  done < <(command mlspec completion words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
  (( $#done )) && compadd -l -d done_shown -- "${done[@]}"
  (( $#open )) && compadd -l -S '' -d open_shown -- "${open[@]}"
  (( $#done + $#open ))
}
if [[ ${funcstack[1]-} == _mlspec ]]; then
  _mlspec "$@"
else
  compdef _mlspec mlspec
fi
"""
_FISH = r"""# Completes mlspec in fish: mlspec completion fish | source
function __mlspec_complete
    set -l words (commandline -opc)
    command mlspec completion words -- $words[2..-1] (commandline -ct | string unescape) 2>/dev/null
end
complete -c mlspec -f -k -a '(__mlspec_complete)'
"""
SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def arguments(parser: argparse.ArgumentParser) -> None:
    """The shell; `words` is what its script calls."""
    parser.add_argument(
        "shell", choices=(*SCRIPTS, "words"), help="the shell; `words` prints what the words behind it may go on with"
    )
    parser.add_argument(
        "words", metavar="WORD", nargs="*", help="words: those of the line behind `mlspec`, the last one unfinished"
    )
    parser.add_argument("--line", metavar="LINE", help=argparse.SUPPRESS)
    parser.add_argument("--breaks", metavar="BREAKS", default="", help=argparse.SUPPRESS)


def run(options: argparse.Namespace) -> int:
    """Print a script, or candidates."""
    if options.shell != "words":
        out(SCRIPTS[options.shell])
        return exits.OK
    from mlspec.cli.completing import candidates

    words = options.words if options.line is None else _words(options.line)
    cut = _behind_break(words[-1] if words else "", options.breaks)
    for item in candidates(words):
        value = item.value[cut:]
        sys.stdout.write(f"{value if options.line is None else _quoted(value)}\t{' '.join(item.help.split())}\n")
    return exits.OK


def _words(line: str) -> list[str]:
    """The words of a line as the shell would read them, behind the name of the program; a quote may still be open."""
    for end in ("", "'", '"'):
        try:
            words = shlex.split(line + end)
        except ValueError:
            continue
        return (
            [*words[1:], ""] if (not end and line[-1:].isspace() and not line.endswith("\\ ")) or len(words) == 1 else words[1:]
        )
    return [""]


def _behind_break(word: str, breaks: str) -> int:
    """Where the part begins that bash takes for the word: behind the last `=` or `:` of it."""
    return max((word.rfind(mark) + 1 for mark in breaks if mark in "=:"), default=0)


def _quoted(value: str) -> str:
    """A value as bash reads it back."""
    return "".join(f"\\{mark}" if mark in " \t\"'\\$`&|;<>()*?[]{}!" else mark for mark in value)
