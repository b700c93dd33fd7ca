#!/usr/bin/env bash
# Where an installed program finds its data: beside itself, wherever it was moved to. Speaks TAP.
. "${SOURCE:?}/tests/cli.sh"
cd "$work" || exit 1
says() { # text, program, variables...: its completion script, which is one of its data files, holds the text
    env "${@:3}" "$2" completion bash 2>err | grep -qxF "# $1"
}
place() { # folder, text: data of their own
    mkdir -p "$1/src/cli" && echo "# $2" >"$1/src/cli/completion.bash"
}

"$plateau" completion bash | grep -qF "$(sed -n 1p "$source/src/cli/completion.bash")"
ok $? "a program that is not installed: from its source tree"
mkdir -p here/bin && cp "$plateau" here/bin && place here/share/plateau beside && says beside here/bin/plateau
ok $? "an installed one: from ../share/plateau"
mkdir -p 'a b' && mv here 'a b/there' && says beside 'a b/there/bin/plateau'; ok $? "also where it was moved to"
ln -s "$PWD/a b/there/bin/plateau" link && says beside ./link; ok $? "and by a link that leads to it"
(cd / && PATH="$work/a b/there/bin:$PATH" && plateau completion bash | grep -qxF '# beside'); ok $? "and by PATH, from elsewhere"
place own own && says own 'a b/there/bin/plateau' PLATEAU_DATA="$PWD/own"; ok $? "PLATEAU_DATA comes first"
PLATEAU_DATA=$PWD/none fails 2 'completion.bash: not in the folder that PLATEAU_DATA names, .*/none' completion bash

# What is missing there is not taken from the source tree, of which somebody else may be the owner by now.
rm -r 'a b/there/share/plateau/src'
plateau="$work/a b/there/bin/plateau" fails 2 'completion.bash: not found in .*/a b/there/share/plateau; install plateau, or .* PLATEAU_DATA=' completion bash
finish
