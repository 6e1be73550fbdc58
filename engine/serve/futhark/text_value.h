/// Futhark's text format of values: "12i64", "[[1.5f32, -0.25], [2, f32.nan]]", "empty([0][3]i64)", with
/// comments from "--" to the end of the line.
#pragma once

#include "engine/serve/futhark/value.h"

namespace reprise::engine::futhark {

class ByteSource;

/// Errors: invalid_data with what was expected and found.
Array read_text(ByteSource& source, const ArrayType& type);

}  // namespace reprise::engine::futhark
