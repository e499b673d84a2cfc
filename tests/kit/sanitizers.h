// Whether this is built with a sanitizer: slower by ten and with an allocator of its own.
#ifndef STRATA_TESTS_KIT_SANITIZERS_H_
#define STRATA_TESTS_KIT_SANITIZERS_H_

namespace strata::kit {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kUnderSanitizer = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
inline constexpr bool kUnderSanitizer = true;
#else
inline constexpr bool kUnderSanitizer = false;
#endif
#else
inline constexpr bool kUnderSanitizer = false;
#endif

}  // namespace strata::kit

#endif  // STRATA_TESTS_KIT_SANITIZERS_H_
