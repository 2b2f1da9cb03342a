#!/usr/bin/awk -f
# SPDX-License-Identifier: MIT
#
# semantics-page.awk - makes baton-semantics(7) of docs/semantics.md: the rules with their numbers, without their tests.

function escape(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	gsub(/`/, "", text)
	gsub(/\*\*/, "", text)
	return text ~ /^[.']/ ? "\\\&" text : text
}

function end_rule(    text) {
	if (rule == "")
		return
	text = rule
	sub(/ *\[tests\/[^]]*\]$/, "", text)
	match(text, /\*\*[a-z]+\.[0-9]+\*\*/)
	print ".TP 16\n.B " substr(text, RSTART + 2, RLENGTH - 4)
	print escape(substr(text, RSTART + RLENGTH + 1))
	rule = ""
}

BEGIN {
	print ".\\\" SPDX-License-Identifier: MIT"
	print ".TH BATON\\-SEMANTICS 7 \"\" baton \"Miscellaneous\""
	print ".SH NAME\nbaton\\-semantics \\- what holds of each primitive between processes"
	print ".SH DESCRIPTION"
	print "Numbered rules, each of which a test of the project shows with real processes against a real daemon."
}

/^# / { next }
/^## / { end_rule(); print ".SH " toupper(escape(substr($0, 4))); seen = 1; next }
!seen { next }
/^- / { end_rule(); rule = substr($0, 3); next }
/^ / && rule != "" { sub(/^ +/, " "); rule = rule $0; next }
{ end_rule() }
$0 != "" { print escape($0) }

END {
	end_rule()
	print ".SH SEE ALSO\n.BR baton (1),\n.BR baton\\-recipes (7),\n.BR batond (8)"
}
