// `flat_hash_map`: absl::flat_hash_map<string, absl::flat_hash_map<string, std::vector<std::vector<
// std::pair<string, string>>>>>. A record is a vector of pairs, searched from its front: faster and
// smaller than a table for the few keys a record has, and it keeps their order.
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "bench/baselines/nested_layout.h"

namespace strata {
namespace {

// absl's hash of a string, for views and strings of any allocator.
struct BytesHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view bytes) const {
    return absl::Hash<absl::string_view>()(absl::string_view(bytes.data(), bytes.size()));
  }
};

struct FlatHashMap {
  static constexpr std::string_view kName = "flat_hash_map";
  static constexpr bool kKeepsKeyOrder = true;

  struct Books {
    static inline constinit MemoryDoor door;
    static constexpr NestedLayerNames kLayerNames = {
        "outers/slots",   "", "outers/strings",  //
        "inners/slots",   "", "inners/strings",  //
        "lists/arrays",                          //
        "records/arrays", "", "keys/strings",   "values/strings", "object"};
  };

  template <class K, class V, LayerId kLayer>
  using Table = absl::flat_hash_map<K, V, BytesHash, BytesEqual,
                                    LayerAllocator<std::pair<const K, V>, Books, kLayer>>;

  using PairOfStrings =
      std::pair<LayerString<Books, kKeyStrings>, LayerString<Books, kValueStrings>>;
  using Record = std::vector<PairOfStrings, LayerAllocator<PairOfStrings, Books, kRecordElements>>;
  using List = std::vector<Record, LayerAllocator<Record, Books, kListArrays>>;
  using Inners = Table<LayerString<Books, kInnerStrings>, List, kInnerElements>;
  using Outers = Table<LayerString<Books, kOuterStrings>, Inners, kOuterElements>;
};

// As large as what a user would write.
using PlainRecord = std::vector<std::pair<std::string, std::string>>;
using PlainInners = absl::flat_hash_map<std::string, std::vector<PlainRecord>>;
using PlainOuters = absl::flat_hash_map<std::string, PlainInners>;
static_assert(sizeof(LayerString<FlatHashMap::Books, kKeyStrings>) == sizeof(std::string));
static_assert(sizeof(FlatHashMap::PairOfStrings) == sizeof(PlainRecord::value_type));
static_assert(sizeof(FlatHashMap::Record) == sizeof(PlainRecord));
static_assert(sizeof(FlatHashMap::List) == sizeof(std::vector<PlainRecord>));
static_assert(sizeof(FlatHashMap::Inners) == sizeof(PlainInners));
static_assert(sizeof(FlatHashMap::Outers) == sizeof(PlainOuters));
static_assert(sizeof(FlatHashMap::Inners::value_type) == sizeof(PlainInners::value_type));
static_assert(sizeof(FlatHashMap::Outers::value_type) == sizeof(PlainOuters::value_type));

}  // namespace

std::unique_ptr<Layout> MakeFlatHashMap() { return NestedLayout<FlatHashMap>::Make(); }

}  // namespace strata
