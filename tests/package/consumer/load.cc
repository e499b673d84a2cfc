// A program that loads a cache from whatever its argument names: a JSON file or a table.
#include <strata/cache.h>
#include <strata/json_source.h>
#include <strata/load.h>
#include <strata/mysql_source.h>

#include <iostream>
#include <string>

int main(int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "";
  auto table = strata::ParseMySqlUrl(name);
  auto source = table.ok() ? strata::OpenMySqlTable(*table) : strata::OpenJsonFile(name);
  auto cache = strata::Cache::Create();
  if (!source.ok() || !cache.ok()) return 1;
  if (!strata::Load(**source, *cache).ok()) return 1;
  std::cout << cache->counts().records << " records\n";
}
