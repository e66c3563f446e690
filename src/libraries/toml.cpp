// The one translation unit that compiles toml++.
#define TOML_IMPLEMENTATION // NOLINT(cppcoreguidelines-macro-usage): how toml++ is told so
#include <toml++/toml.h>
