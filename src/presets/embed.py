"""Makes the source of wire::built_in_presets() from the presets: embed.py OUTPUT PRESET..."""
import pathlib
import sys

output, *presets = map(pathlib.Path, sys.argv[1:])
text = '// Made by src/presets/embed.py.\n#include "wire/preset.h"\n\n#include <array>\n\nnamespace svc::wire {\n\n'
text += f"std::span<const Preset> built_in_presets() {{\n    static constexpr std::array<Preset, {len(presets)}> presets{{{{\n"
for preset in sorted(presets):
    text += f'        {{"{preset.stem}", R"PRESET({preset.read_text(encoding="utf-8")})PRESET"}},\n'
text += "    }};\n    return presets;\n}\n\n} // namespace svc::wire\n"
output.write_text(text, encoding="utf-8")
