/* SPDX-License-Identifier: MIT
 *
 * cmd_ctx_tree.c - baton ctx tree: depth first, the children of each in the order in which they came.
 *
 * What is still to be shown is a stack: the next is on top. A context that goes while the others are shown is left out.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/name.h"
#include "cli/simple.h"
#include "cli/status.h"

#define FIRST_ROOM 64u
#define CAUSE_BYTES 128u

struct node {
	unsigned depth;
	char id[sizeof("@0123456789abcdef")];
	char name[NAME_MAX_BYTES + 1];
	char cause[CAUSE_BYTES];
	int error;
	bool limited;
	int64_t remaining_ns;
	bool bound;
	bool has_children;
};

struct tree {
	const struct invocation *invocation;
	struct connection connection;
	struct output output;
	struct node *nodes; /* the stack */
	size_t count;
	size_t room;
	unsigned depth; /* of those that an answer brings */
	uint64_t after; /* the number of the last that it brought */
	bool more;
	bool is_exhausted;
};

/* ---- the stack --------------------------------------------------------------------------------------------------- */

static struct node *push(struct tree *tree)
{
	if (tree->count == tree->room) {
		const size_t room = tree->room > 0 ? 2 * tree->room : FIRST_ROOM;
		struct node *nodes = memory_realloc(tree->nodes, room * sizeof(*nodes));

		if (nodes == NULL) {
			tree->is_exhausted = true;
			return NULL;
		}
		tree->nodes = nodes;
		tree->room = room;
	}
	return &tree->nodes[tree->count++];
}

static void add(struct tree *tree, const struct baton_context_info *context, bool has_children)
{
	struct node *node = push(tree);

	if (node == NULL)
		return;
	*node = (struct node){
		.depth = tree->depth,
		.error = context->error,
		.limited = context->limited,
		.remaining_ns = context->remaining_ns,
		.bound = context->bound,
		.has_children = has_children,
	};
	(void)snprintf(node->id, sizeof(node->id), "%s", context->id);
	(void)snprintf(node->name, sizeof(node->name), "%s", context->name);
	(void)snprintf(node->cause, sizeof(node->cause), "%s", context->cause);
}

/* So that the first of those from FROM on is on top. */
static void reverse(struct tree *tree, size_t from)
{
	for (size_t low = from, high = tree->count; low + 1 < high; low++) {
		const struct node node = tree->nodes[--high];

		tree->nodes[high] = tree->nodes[low];
		tree->nodes[low] = node;
	}
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */

static void take_one(const struct baton_result *result, void *arg)
{
	add(arg, &result->contexts[0], true);
}

static void take_children(const struct baton_result *result, void *arg)
{
	struct tree *tree = arg;

	for (size_t i = 0; i < result->context_count; i++) {
		add(tree, &result->contexts[i], result->contexts[i].children > 0);
		tree->after = result->contexts[i].number;
	}
	tree->more = result->more;
}

static int call(struct tree *tree, enum baton_operation operation, const char *name,
	void (*take)(const struct baton_result *result, void *arg))
{
	const struct baton_call call = {
		.size = sizeof(call), .operation = operation, .name = name, .number = tree->after};

	return connection_call(&tree->connection, &call, take, tree);
}

/* Puts the children of the context ID on the stack. 0, or the exit status: said. */
static int descend(struct tree *tree, const char *id)
{
	const size_t from = tree->count;
	int status;

	tree->after = 0;
	do {
		tree->more = false;
		status = call(tree, BATON_CONTEXT_CHILDREN, id, take_children);
	} while (status == STATUS_DONE && tree->more && !tree->is_exhausted);
	reverse(tree, from);
	return status == STATUS_CANCELED ? STATUS_DONE : status;
}

/* ---- showing ----------------------------------------------------------------------------------------------------- */

static void print_text(struct output *output, const struct node *node)
{
	char name[2 * 64 + NAME_MAX_BYTES + 1];
	const int indent = 2 * (node->depth < 64 ? (int)node->depth : 64);

	(void)snprintf(name, sizeof(name), "%*s%s", indent, "", node->name);
	output_row_begin(output);
	output_text(output, "name", name);
	output_text(output, "id", node->id);
	output_text(output, "error", node->error != 0 ? baton_strerror(node->error) : "live");
	output_text(output, "cause", node->cause);
	output_row_end(output);
}

static void print_json(struct output *output, const struct node *node)
{
	output_row_begin(output);
	output_number(output, "depth", node->depth);
	output_text(output, "name", node->name);
	output_text(output, "id", node->id);
	output_text(output, "error", node->error != 0 ? baton_strerror(node->error) : "");
	output_text(output, "cause", node->cause);
	if (node->limited)
		output_duration(output, "remaining", node->remaining_ns);
	output_bool(output, "bound", node->bound);
	output_row_end(output);
}

/* The topmost one, and what is below it. 0, or the exit status: said. */
static int show_next(struct tree *tree)
{
	const struct node node = tree->nodes[--tree->count];

	if (tree->output.format == OUTPUT_JSON)
		print_json(&tree->output, &node);
	else
		print_text(&tree->output, &node);
	if (!node.has_children)
		return STATUS_DONE;
	tree->depth = node.depth + 1;
	return descend(tree, node.id);
}

int run_ctx_tree(const struct invocation *invocation)
{
	const struct session_wish wish = {.kind = BATON_SESSION_OWN, .ttl_ns = BATON_TTL_DEFAULT};
	const char *name = invocation_word(invocation, 0);
	struct tree tree = {.invocation = invocation};
	int status = connection_init(&tree.connection, invocation);

	if (status != STATUS_DONE)
		return status;
	output_init(&tree.output, simple_format(invocation));
	status = connection_open(&tree.connection, &wish);
	if (status == STATUS_DONE)
		status = name != NULL ? call(&tree, BATON_CONTEXT_STATE, name, take_one) : descend(&tree, "background");
	while (status == STATUS_DONE && tree.count > 0 && !tree.is_exhausted)
		status = show_next(&tree);
	if (tree.is_exhausted)
		status = say_no_memory(invocation);
	memory_free(tree.nodes);
	status = connection_close(&tree.connection, status);
	return simple_flush(invocation, &tree.output, status);
}
