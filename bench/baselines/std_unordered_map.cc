// `std_unordered_map`:
// std::unordered_map<string, std::unordered_map<string, std::vector<std::unordered_map<string,
// string>>>>.
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bench/baselines/nested_layout.h"

namespace strata {
namespace {

// std::hash of a string, for views and strings of any allocator.
struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const noexcept {
    return std::hash<std::string_view>()(bytes);
  }
};

}  // namespace
}  // namespace strata

// libstdc++ keeps the hash in each node where hashing is slow, and says so for strings; ours must
// be told, or its nodes would be 8 bytes smaller than the container's that it stands for.
template <>
struct std::__is_fast_hash<strata::BytesHash> : std::false_type {};

namespace strata {
namespace {

struct StdUnorderedMap {
  static constexpr std::string_view kName = "std_unordered_map";
  static constexpr bool kKeepsKeyOrder = false;

  struct Books {
    static inline constinit MemoryDoor door;
    static constexpr NestedLayerNames kLayerNames = {
        "outers/nodes",  "outers/buckets",  "outers/strings",  //
        "inners/nodes",  "inners/buckets",  "inners/strings",  //
        "lists/arrays",                                        //
        "records/nodes", "records/buckets", "keys/strings",   "values/strings", "object"};
  };

  template <class K, class V, LayerId kLayer, LayerId kBucketLayer>
  using Table =
      std::unordered_map<K, V, BytesHash, BytesEqual,
                         LayerAllocator<std::pair<const K, V>, Books, kLayer, kBucketLayer>>;

  using Record = Table<LayerString<Books, kKeyStrings>, LayerString<Books, kValueStrings>,
                       kRecordElements, kRecordBuckets>;
  using List = std::vector<Record, LayerAllocator<Record, Books, kListArrays>>;
  using Inners = Table<LayerString<Books, kInnerStrings>, List, kInnerElements, kInnerBuckets>;
  using Outers = Table<LayerString<Books, kOuterStrings>, Inners, kOuterElements, kOuterBuckets>;
};

// As large as what a user would write.
using PlainRecord = std::unordered_map<std::string, std::string>;
using PlainInners = std::unordered_map<std::string, std::vector<PlainRecord>>;
using PlainOuters = std::unordered_map<std::string, PlainInners>;
static_assert(sizeof(LayerString<StdUnorderedMap::Books, kKeyStrings>) == sizeof(std::string));
static_assert(sizeof(StdUnorderedMap::Record) == sizeof(PlainRecord));
static_assert(sizeof(StdUnorderedMap::List) == sizeof(std::vector<PlainRecord>));
static_assert(sizeof(StdUnorderedMap::Inners) == sizeof(PlainInners));
static_assert(sizeof(StdUnorderedMap::Outers) == sizeof(PlainOuters));
static_assert(sizeof(NodeOf<StdUnorderedMap::Record>) == sizeof(NodeOf<PlainRecord>));
static_assert(sizeof(NodeOf<StdUnorderedMap::Inners>) == sizeof(NodeOf<PlainInners>));
static_assert(sizeof(NodeOf<StdUnorderedMap::Outers>) == sizeof(NodeOf<PlainOuters>));

}  // namespace

std::unique_ptr<Layout> MakeStdUnorderedMap() { return NestedLayout<StdUnorderedMap>::Make(); }

}  // namespace strata
