/// A backend that does what another does, and takes longer over one kernel: a regression whose size and place
/// are known. For tests and proofs only.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/backends/backend.h"
#include "engine/core/monotonic.h"

namespace reprise::harness {

class SlowedBackend final : public engine::Backend {
 public:
  /// Each dispatch of `kernel` takes `extra_seconds` more, by spinning. The inner one must perform an
  /// operation before it returns, as those of the CPU do.
  SlowedBackend(std::unique_ptr<engine::Backend> inner, std::string kernel, double extra_seconds)
      : Backend(inner->placement()),
        inner_(std::move(inner)),
        kernel_(std::move(kernel)),
        extra_seconds_(extra_seconds) {
    inner_->observe(&records_);
  }

  engine::Buffer allocate(std::size_t size_bytes) override { return inner_->allocate(size_bytes); }
  void expect_room(std::int64_t size_bytes, std::string_view what) override {
    inner_->expect_room(size_bytes, what);
  }
  [[nodiscard]] std::int64_t imported_bytes(engine::DType dtype, const engine::Shape& shape) const override {
    return inner_->imported_bytes(dtype, shape);
  }
  engine::AnyTensorView import(const engine::AnyTensorView& host,
                               std::vector<engine::Buffer>& copies) override {
    return inner_->import(host, copies);
  }
  void copy_in(std::byte* to, std::span<const std::byte> from) override { inner_->copy_in(to, from); }
  void copy_out(std::span<std::byte> to, const std::byte* from) override { inner_->copy_out(to, from); }
  void submit() override { inner_->submit(); }
  std::span<const float> read(const engine::TensorView<const float>& values) override {
    return inner_->read(values);
  }
  [[nodiscard]] std::int64_t workspace_bytes() const override { return inner_->workspace_bytes(); }

 protected:
  void perform(engine::OperationRef op, engine::KernelObserver* observer) override {
    std::visit([&](const auto* operation) { pass_on(*operation); }, op);
    for (engine::KernelRecord record : std::exchange(records_.taken, {})) {
      record.layer = layer();  // which the inner one was not told
      if (record.name == kernel_) {
        record.seconds += spin(extra_seconds_);
      }
      if (observer != nullptr) {
        observer->on_record(record);
      }
    }
  }

 private:
  struct Records final : engine::KernelObserver {
    void on_record(const engine::KernelRecord& record) override { taken.push_back(record); }
    std::vector<engine::KernelRecord> taken;
  };

  void pass_on(const engine::Embed& op) { inner_->embed(op); }
  void pass_on(const engine::RmsNorm& op) { inner_->rms_norm(op); }
  void pass_on(const engine::LayerNorm& op) { inner_->layer_norm(op); }
  void pass_on(const engine::Quantize& op) { inner_->quantize(op); }
  void pass_on(const engine::Linear& op) { inner_->linear(op); }
  void pass_on(const engine::Rope& op) { inner_->rope(op); }
  void pass_on(const engine::StoreKv& op) { inner_->store_kv(op); }
  void pass_on(const engine::Attention& op) { inner_->attention(op); }
  void pass_on(const engine::SwiGlu& op) { inner_->swiglu(op); }
  void pass_on(const engine::Gelu& op) { inner_->gelu(op); }
  void pass_on(const engine::Relu& op) { inner_->relu(op); }

  static double spin(double seconds) {
    const double start = engine::monotonic_seconds();
    double spun = 0;
    while (spun < seconds) {
      spun = engine::monotonic_seconds() - start;
    }
    return spun;
  }

  std::unique_ptr<engine::Backend> inner_;
  std::string kernel_;
  double extra_seconds_;
  Records records_;
};

}  // namespace reprise::harness
