// What a program that embeds the cache looks like, in ten lines.
#include <strata/cache.h>

#include <iostream>

int main() {
  auto cache = strata::Cache::Create();
  if (!cache.ok()) return 1;
  strata::Records list = {{{"123", "abc"}}, {{"456", "def"}}};
  if (!cache->Put("fieldA", "xyz", list).ok()) return 1;
  strata::ReadGuard guard(*cache);
  std::cout << guard.Find("fieldA", "xyz", 1, "456").value() << "\n";
}
