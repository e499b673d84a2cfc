// Addresses of the blocks that containers hide: what a footprint walk must ask the allocator about
// and no public interface gives. Everything here that leans on the inside of a library is in this
// file, and tests/baselines/hidden_blocks_test.cc proves each address against what an allocator
// handed out. Written for libstdc++ 12 and
// abseil 20220623.
//
//   std::map node               std::unordered_map node        absl::flat_hash_map backing array
//   +--------------------+      +--------------------+         +----------------------------------+
//   | _Rb_tree_node_base |      | next               |         | control bytes | pad | slots      |
//   +--------------------+      +--------------------+         +----------------------------------+
//   | value_type         |      | value_type         |         ^ ctrl_, the table's first word
//   +--------------------+      +--------------------+
//                               | cached hash        |         std::unordered_map bucket array:
//                               +--------------------+         _M_buckets, the table's first word
//
// Threads: reads the containers only.
#ifndef STRATA_BENCH_BASELINES_HIDDEN_BLOCKS_H_
#define STRATA_BENCH_BASELINES_HIDDEN_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/container/flat_hash_map.h"

namespace strata {

namespace hidden_blocks_internal {

// The pointer that the object begins with.
template <class T>
const void* FirstWord(const T& object) {
  const void* word;
  std::memcpy(&word, static_cast<const void*>(std::addressof(object)), sizeof(word));
  return word;
}

template <class T>
bool IsInside(const T& object, const void* address) {
  const auto begin = reinterpret_cast<std::uintptr_t>(std::addressof(object));
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return at >= begin && at < begin + sizeof(T);
}

// The block that begins `offset_bytes` before `value`.
template <class T>
const void* Before(const T& value, std::size_t offset_bytes) {
  return reinterpret_cast<const char*>(std::addressof(value)) - offset_bytes;
}

}  // namespace hidden_blocks_internal

/// The node type of a table, for its size.
template <class K, class V, class C, class A>
auto NodeTypeOf(const std::map<K, V, C, A>*)
    -> std::_Rb_tree_node<typename std::map<K, V, C, A>::value_type>;
template <class K, class V, class H, class E, class A>
auto NodeTypeOf(const std::unordered_map<K, V, H, E, A>*)
    -> std::__detail::_Hash_node<typename std::unordered_map<K, V, H, E, A>::value_type,
                                 std::__cache_default<K, H>::value>;
template <class Table>
using NodeOf = decltype(NodeTypeOf(static_cast<const Table*>(nullptr)));

/// The node that holds `value`, an element of a std::map or std::unordered_map of type `Table`.
/// Both begin with links and go on with the value: a red-black tree node with its base (colour and
/// three pointers), a hash node with the pointer to the next.
template <class Table>
const void* NodeBlock(const typename Table::value_type& value) {
  using Links = std::conditional_t<std::is_base_of_v<std::_Rb_tree_node_base, NodeOf<Table>>,
                                   std::_Rb_tree_node_base, std::__detail::_Hash_node_base>;
  static_assert(alignof(typename Table::value_type) <= alignof(Links),
                "padding between links and value");
  return hidden_blocks_internal::Before(value, sizeof(Links));
}

/// The heap block of a table's buckets; null while it uses the one bucket inside the object.
template <class K, class V, class H, class E, class A>
const void* BucketBlock(const std::unordered_map<K, V, H, E, A>& table) {
  const void* const buckets = hidden_blocks_internal::FirstWord(table);
  return hidden_blocks_internal::IsInside(table, buckets) ? nullptr : buckets;
}

/// The heap block of a table's control bytes and slots; null for a table that never held anything
/// (it then points to a constant that all such tables share).
template <class K, class V, class H, class E, class A>
const void* BackingBlock(const absl::flat_hash_map<K, V, H, E, A>& table) {
  return table.capacity() == 0 ? nullptr : hidden_blocks_internal::FirstWord(table);
}

/// The heap block of a string's bytes; null while they are inside the object.
template <class A>
const void* StringBlock(const std::basic_string<char, std::char_traits<char>, A>& string) {
  return hidden_blocks_internal::IsInside(string, string.data()) ? nullptr : string.data();
}

}  // namespace strata

#endif  // STRATA_BENCH_BASELINES_HIDDEN_BLOCKS_H_
