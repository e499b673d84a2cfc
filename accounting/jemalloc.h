// jemalloc's own figures, where it is this process's allocator: linked in, or put in front by
// LD_PRELOAD. The library does not link it.
//
// Threads: safe from any.
#ifndef STRATA_ACCOUNTING_JEMALLOC_H_
#define STRATA_ACCOUNTING_JEMALLOC_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata::jemalloc {

/// Whether malloc is jemalloc's: what it hands out must show in jemalloc's count.
bool IsTheAllocator();

/// Its version; "" where it is not the allocator.
std::string Version();

/// Takes its figures down anew; those read afterwards are of this moment.
void Refresh();

/// A figure by its name, of any unsigned type; none where this jemalloc has no such figure.
std::optional<std::uint64_t> Read(const char* name);

/// The same, 0 where there is none.
std::uint64_t Figure(const std::string& name);
/// The name of a figure of all arenas together: "bins.3.curregs" is
/// "stats.arenas.4096.bins.3.curregs".
std::string OfAllArenas(std::string_view figure);

/// Sets or does what `name` stands for, which takes no argument; whether it could.
bool Do(const char* name);

/// Gives `question` to what `name` stands for and takes its answer of exactly that size; whether it
/// was answered.
bool Ask(const char* name, void* question, std::size_t question_bytes, void* answer,
         std::size_t answer_bytes);

/// Has a block from that arena, past what threads keep for themselves, and gives it back at once.
/// Its address; 0 where there was none.
std::uintptr_t AddressFrom(unsigned arena, std::size_t size_bytes);

}  // namespace strata::jemalloc

#endif  // STRATA_ACCOUNTING_JEMALLOC_H_
