// `std_map`, the naive baseline:
// std::map<string, std::map<string, std::vector<std::map<string, string>>>>.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "bench/baselines/nested_layout.h"

namespace strata {
namespace {

struct StdMap {
  static constexpr std::string_view kName = "std_map";
  static constexpr bool kKeepsKeyOrder = false;

  struct Books {
    static inline constinit MemoryDoor door;
    static constexpr NestedLayerNames kLayerNames = {
        "outers/nodes",  "", "outers/strings",  //
        "inners/nodes",  "", "inners/strings",  //
        "lists/arrays",                         //
        "records/nodes", "", "keys/strings",   "values/strings", "object"};
  };

  template <class K, class V, LayerId kLayer>
  using Table = std::map<K, V, BytesLess, LayerAllocator<std::pair<const K, V>, Books, kLayer>>;

  using Record =
      Table<LayerString<Books, kKeyStrings>, LayerString<Books, kValueStrings>, kRecordElements>;
  using List = std::vector<Record, LayerAllocator<Record, Books, kListArrays>>;
  using Inners = Table<LayerString<Books, kInnerStrings>, List, kInnerElements>;
  using Outers = Table<LayerString<Books, kOuterStrings>, Inners, kOuterElements>;
};

// As large as what a user would write.
using PlainRecord = std::map<std::string, std::string>;
using PlainInners = std::map<std::string, std::vector<PlainRecord>>;
using PlainOuters = std::map<std::string, PlainInners>;
static_assert(sizeof(LayerString<StdMap::Books, kKeyStrings>) == sizeof(std::string));
static_assert(sizeof(StdMap::Record) == sizeof(PlainRecord));
static_assert(sizeof(StdMap::List) == sizeof(std::vector<PlainRecord>));
static_assert(sizeof(StdMap::Inners) == sizeof(PlainInners));
static_assert(sizeof(StdMap::Outers) == sizeof(PlainOuters));
static_assert(sizeof(NodeOf<StdMap::Record>) == sizeof(NodeOf<PlainRecord>));
static_assert(sizeof(NodeOf<StdMap::Inners>) == sizeof(NodeOf<PlainInners>));
static_assert(sizeof(NodeOf<StdMap::Outers>) == sizeof(NodeOf<PlainOuters>));

}  // namespace

std::unique_ptr<Layout> MakeStdMap() { return NestedLayout<StdMap>::Make(); }

}  // namespace strata
