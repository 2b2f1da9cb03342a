/* SPDX-License-Identifier: MIT
 *
 * symbol.c - names for code addresses, from the symbol tables of the ELF files that the process is made of.
 *
 * dladdr(3) knows exported symbols only, and a program exports none: so the file's whole table is read, where it was
 * not stripped. Files stay mapped. Names that were found are kept in a small table, for parked coroutines mostly stand
 * at the same few places.
 */
#include "runtime/symbol.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILES_MAX = 16,
	NAMES = 256, /* a power of two */
};

/* A file of the process. */
struct image {
	uintptr_t bias; /* what is added to the addresses in the file; with `path` it is the image's key */
	const char *path;
	const ElfW(Sym) * symbols; /* NULL: none */
	size_t count;
	const char *strings;
	size_t strings_bytes;
};

struct name {
	uintptr_t address; /* 0: none */
	const char *text;
	uintptr_t offset;
};

static struct {
	struct image images[FILES_MAX];
	size_t count;
	struct name names[NAMES];
} known;

extern const char __executable_start[]; // NOLINT(*reserved-identifier*): the linker's name

/* The file's bytes; NULL: it cannot be read. */
static const char *map_file(const char *path, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *bytes = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size > 0) {
		*ret_bytes = (size_t)status.st_size;
		bytes = mmap(NULL, *ret_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (fd >= 0)
		(void)close(fd);
	return bytes == MAP_FAILED ? NULL : bytes;
}

static bool lies_within(size_t offset, size_t bytes, size_t file_bytes)
{
	return offset <= file_bytes && bytes <= file_bytes - offset;
}

/* Finds the whole symbol table in the file, if it has one. */
static void find_table(struct image *image, const char *file, size_t bytes)
{
	const ElfW(Ehdr) *header = (const void *)file;
	const ElfW(Shdr) * sections;

	if (bytes < sizeof(*header) || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
		!lies_within(header->e_shoff, header->e_shnum * sizeof(*sections), bytes))
		return;
	sections = (const void *)(file + header->e_shoff);
	for (size_t i = 0; i < header->e_shnum; i++) {
		const ElfW(Shdr) *table = &sections[i];

		if (table->sh_type != SHT_SYMTAB || table->sh_link >= header->e_shnum ||
			!lies_within(table->sh_offset, table->sh_size, bytes) ||
			!lies_within(sections[table->sh_link].sh_offset, sections[table->sh_link].sh_size, bytes))
			continue;
		image->symbols = (const void *)(file + table->sh_offset);
		image->count = table->sh_size / sizeof(*image->symbols);
		image->strings = file + sections[table->sh_link].sh_offset;
		image->strings_bytes = sections[table->sh_link].sh_size;
	}
}

/* The image of what dladdr found; NULL: there is no room for another. */
static const struct image *image_of(const Dl_info *info, const struct link_map *map)
{
	struct image *image = known.images;
	size_t bytes = 0;
	const char *file;

	for (; image < known.images + known.count; image++)
		if (image->bias == map->l_addr && strcmp(image->path, info->dli_fname) == 0)
			return image;
	if (known.count == FILES_MAX)
		return NULL;
	known.count++;
	*image = (struct image){.bias = map->l_addr, .path = info->dli_fname};
	file = map_file(info->dli_fbase == __executable_start ? "/proc/self/exe" : info->dli_fname, &bytes);
	if (file != NULL)
		find_table(image, file, bytes);
	return image;
}

static bool find_symbol(const struct image *image, uintptr_t address, struct name *ret)
{
	uintptr_t wanted = address - image->bias;

	for (size_t i = 0; i < image->count; i++) {
		const ElfW(Sym) *symbol = &image->symbols[i];

		if ((symbol->st_info & 0xf) != STT_FUNC || symbol->st_shndx == SHN_UNDEF || wanted < symbol->st_value ||
			wanted - symbol->st_value >= symbol->st_size || symbol->st_name >= image->strings_bytes)
			continue;
		*ret = (struct name){address, image->strings + symbol->st_name, wanted - symbol->st_value};
		return true;
	}
	return false;
}

static void find_name(uintptr_t address, struct name *ret)
{
	struct link_map *map = NULL;
	const struct image *image;
	Dl_info info;

	*ret = (struct name){address, "?", 0};
	if (dladdr1((const void *)address, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 || map == NULL)
		return;
	image = image_of(&info, map);
	if (image != NULL && find_symbol(image, address, ret))
		return;
	if (info.dli_sname != NULL)
		*ret = (struct name){address, info.dli_sname, address - (uintptr_t)info.dli_saddr};
	else
		*ret = (struct name){address, info.dli_fname, address - map->l_addr};
}

void co_symbol_put(struct co_text *text, uintptr_t address)
{
	struct name *name = &known.names[address / 4 % NAMES];

	if (name->address != address)
		find_name(address, name);
	co_text_put(text, name->text);
	co_text_put(text, "+");
	co_text_hex(text, name->offset);
}
