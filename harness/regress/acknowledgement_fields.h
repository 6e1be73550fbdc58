/// The fields of an acknowledgement in JSON, for the file that people write and for gate.json, which quotes
/// it. Used by acknowledgements.cpp and gate_json.cpp.
#pragma once

#include "engine/io/json_archive.h"
#include "harness/regress/acknowledgements.h"

namespace reprise::harness {

template <class Archive>
void fields(Archive& archive, PlacementPattern& placement) {
  archive("backend", placement.backend);
  archive("isa", placement.isa);
  archive("precision", placement.precision);
  archive("kv_cache", placement.kv_cache);
  archive("kv_precision", placement.kv_precision);
  archive("threads", placement.threads);
  archive("numerics", placement.numerics);
}

template <class Archive>
void fields(Archive& archive, Acknowledgement& acknowledgement) {
  archive("capture", acknowledgement.capture);
  archive("metric", acknowledgement.metric);
  archive("commit", acknowledgement.commit);
  archive("reason", acknowledgement.reason);
  archive("expires", acknowledgement.expires);
  archive("placement", acknowledgement.placement);
  archive("at_most", acknowledgement.at_most);
}

}  // namespace reprise::harness
