#include "tools/cli/live_profile.h"

#include <nlohmann/json.hpp>

#include "engine/io/json_archive.h"
#include "harness/profile/call_recorder.h"
#include "harness/report/report_fields.h"

namespace reprise::cli {
namespace {

/// While it lives, a backend tells of its kernels.
class Observed {
 public:
  Observed(engine::Backend& backend, engine::KernelObserver& observer) : backend_(backend) {
    backend_.observe(&observer);
  }
  ~Observed() { backend_.observe(nullptr); }
  Observed(const Observed&) = delete;
  Observed& operator=(const Observed&) = delete;

 private:
  engine::Backend& backend_;
};

}  // namespace

engine::GenerateResult LiveProfile::generate(engine::Session& session, const engine::GenerateRequest& request,
                                             engine::GenerateObserver* observer) {
  harness::CallRecorder recorder(false, observer);
  engine::GenerateResult result;
  {
    const Observed observed(session.backend(), recorder);
    result = perform_(session, request, &recorder);
  }
  const std::lock_guard lock(mutex_);
  builder_.add(recorder.builder());
  ++n_calls_;
  seconds_ += result.total_seconds;
  return result;
}

std::string LiveProfile::report_json() const {
  const std::lock_guard lock(mutex_);
  const harness::CostProfile profile = builder_.build(seconds_);
  nlohmann::ordered_json json;
  json["schema"] = "reprise.live_profile/1";
  json["calls"] = n_calls_;
  json["seconds"] = seconds_;
  auto& centres = json["cost_centres"] = nlohmann::ordered_json::array();
  for (const harness::CostCentre& centre : profile.centres) {
    centres.push_back(engine::to_json_value(centre));
  }
  json["unattributed_seconds"] = profile.unattributed_seconds;
  return json.dump();
}

}  // namespace reprise::cli
