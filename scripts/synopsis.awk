#!/usr/bin/awk -f
# SPDX-License-Identifier: MIT
#
# synopsis.awk - fills a manual page's line @synopsis@ with what a header declares: synopsis.awk HEADER PAGE > RESULT.
#
# A declaration begins with BATON_API and ends with ";"; the header's rules (---- ...) part groups. Types are bold, names
# of parameters in italics.

function escape(text) { gsub(/\\/, "\\\\", text); gsub(/-/, "\\-", text); return text }

# DECLARATION as a .BI line: bold and italic words take turns.
function set(declaration,    line, rest, name) {
	line = ".BI \""
	rest = declaration
	while (match(rest, /[a-z_][a-z_0-9]*[,)]/)) {
		name = substr(rest, RSTART, RLENGTH - 1)
		if (name == "void")
			break
		line = line escape(substr(rest, 1, RSTART - 1)) "\" " name " \""
		rest = substr(rest, RSTART + RLENGTH - 1)
	}
	return line escape(rest) "\""
}

FNR == NR {
	if (/^BATON_API /)
		declaration = ""
	if (/^BATON_API / || declaration != "") {
		sub(/\/\*.*/, "")
		gsub(/^[ \t]+|[ \t]+$/, "")
		sub(/^BATON_API /, "")
		declaration = declaration (declaration == "" || declaration ~ /\($/ ? "" : " ") $0
		if (declaration ~ /;$/) {
			found[++count] = set(declaration)
			declaration = ""
		}
	}
	if (/^\/\* ---- / && count > 0 && found[count] != ".sp")
		found[++count] = ".sp"
	next
}

$0 == "@synopsis@" {
	print ".PD 0\n.ad l\n.nh"
	for (i = 1; i <= count; i++)
		print (found[i] == ".sp" ? "" : ".HP 4\n") found[i]
	print ".PD\n.ad b\n.hy"
	next
}

{ print }
