#!/usr/bin/awk -f
# SPDX-License-Identifier: MIT
#
# recipes-page.awk - makes baton-recipes(7) of the scripts in docs/recipes: recipes-page.awk SCRIPT... > PAGE.
#
# A script's first comment is its title and, behind an empty line, what it is for.

function escape(text) {
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return text ~ /^[.']/ ? "\\\&" text : text
}

function end_script() {
	if (in_script)
		print ".fi\n.RE"
}

BEGIN {
	print ".\\\" SPDX-License-Identifier: MIT"
	print ".TH BATON\\-RECIPES 7 \"\" baton \"Miscellaneous\""
	print ".SH NAME\nbaton\\-recipes \\- scripts that people want"
	print ".SH DESCRIPTION"
	print "Each is a whole script, which lies in the documentation's folder"
	print ".IR recipes ,\nto be called as it is or to be changed."
}

FNR == 1 { end_script(); shebang = $0; in_script = 0; in_comment = 0; next }
FNR == 2 { print ".SH " toupper(substr($0, 3)); in_comment = 1; next }
in_comment && /^#$/ { next }
in_comment && /^# / { print escape(substr($0, 3)); next }
in_comment { in_comment = 0; in_script = 1; print ".PP\n.RS 4\n.nf\n" escape(shebang) }
in_script { gsub(/\t/, "    "); print escape($0) }

END {
	end_script()
	print ".SH SEE ALSO\n.BR baton (1),\n.BR baton\\-semantics (7)"
}
