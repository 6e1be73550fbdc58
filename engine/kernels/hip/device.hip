// A device of the world that compiles this file.
#include <algorithm>
#include <cstring>

#include "engine/kernels/hip/device.h"
#include "engine/kernels/hip/launch.h"
#include "engine/kernels/hip/layout.h"
#include "engine/kernels/hip/memory.h"
#include "engine/kernels/hip/timer.h"

namespace reprise::engine::kernels::REPRISE_HIP_WORLD {
namespace {

/// Host matrices go through device memory of this size, row by row as they are, and are put in order there.
constexpr std::size_t kTransitBytes = std::size_t{32} << 20;

template <class... Cases>
struct Overloaded : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

std::size_t tokens_of(const Program& program) {
  for (const Operation& operation : program.operations()) {
    if (const auto* embed = std::get_if<Embed>(&operation)) {
      return embed->tokens.size();
    }
  }
  return 0;
}

/// A StepInput on its way: the first position, then the tokens.
class InputMemory {
 public:
  void reserve(std::size_t n_tokens, std::string_view device) {
    size_bytes_ = sizeof(std::int64_t) + n_tokens * sizeof(TokenId);
    device_.as<std::byte>(static_cast<std::int64_t>(size_bytes_), device);
    host_.of_size(size_bytes_);
  }
  void set(const StepInput& input) {
    REPRISE_CHECK(sizeof(std::int64_t) + input.tokens.size_bytes() == size_bytes_);
    std::memcpy(host(), &input.first_position, sizeof(std::int64_t));
    if (!input.tokens.empty()) {
      std::memcpy(host() + sizeof(std::int64_t), input.tokens.data(), input.tokens.size_bytes());
    }
  }
  std::byte* host() { return host_.of_size(size_bytes_); }
  std::byte* device() { return device_.as<std::byte>(0, {}); }
  StepMemory step() {
    return {reinterpret_cast<const std::int64_t*>(device()),
            reinterpret_cast<const TokenId*>(device() + sizeof(std::int64_t))};
  }
  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }
  [[nodiscard]] std::size_t reserved_bytes() const { return device_.size_bytes(); }

 private:
  std::size_t size_bytes_ = 0;  // of the input; the memory is as large at least
  Scratch device_;
  Pinned host_;
};

/// The launches of a program, as the runtime starts them together, and the memory they use beside their
/// operands.
struct Graph final : public Recording {
  ~Graph() override {
    if (graph != nullptr) {  // else it could not be recorded
      static_cast<void>(hipGraphExecDestroy(graph));
    }
  }

  hipGraphExec_t graph = nullptr;
  mutable InputMemory input;
  std::shared_ptr<const void> scores;
  std::shared_ptr<const void> rounded;
};

class Device final : public HipDevice {
 public:
  explicit Device(int index) : index_(index) {
    select();
    hipDeviceProp_t properties;
    REPRISE_HIP_CALL(hipGetDeviceProperties(&properties, index_));
    info_ = {properties.name, architecture_of(properties), properties.totalGlobalMem};
    n_processors_ = properties.multiProcessorCount;
    REPRISE_HIP_CALL(hipStreamCreate(&stream_));
  }
  ~Device() override {
    static_cast<void>(hipStreamSynchronize(stream_));
    static_cast<void>(hipStreamDestroy(stream_));
  }

  [[nodiscard]] const DeviceInfo& info() const override { return info_; }
  std::size_t free_bytes() override {
    select();
    std::size_t free = 0;
    std::size_t total = 0;
    REPRISE_HIP_CALL(hipMemGetInfo(&free, &total));
    return free;
  }

  std::byte* allocate(std::size_t size_bytes) override {
    select();
    std::unique_ptr<std::byte, void (*)(std::byte*)> memory(
        device_memory(size_bytes, info_.name), [](std::byte* bytes) { release_memory(bytes, 0); });
    REPRISE_HIP_CALL(hipMemsetAsync(memory.get(), 0, size_bytes, stream_));
    return memory.release();
  }
  [[nodiscard]] Release release() const override { return release_memory; }

  void copy_in(std::byte* to, std::span<const std::byte> from) override {
    select();
    copy(to, from.data(), from.size(), hipMemcpyHostToDevice);
    wait();
  }
  void copy_out(std::span<std::byte> to, const std::byte* from) override {
    select();
    copy(to.data(), from, to.size(), hipMemcpyDeviceToHost);
    wait();
  }
  std::span<const std::byte> read(const std::byte* from, std::size_t size_bytes) override {
    select();
    std::byte* const to = read_.of_size(size_bytes);
    copy_out({to, size_bytes}, from);
    return {to, size_bytes};
  }

  void copy_matrix_in(std::byte* to, const AnyTensorView& host) override {
    select();
    const std::int64_t width = host.extent(1);
    const std::size_t row_bytes = bytes_of(host.dtype(), width);
    const auto rows_at_a_time =
        static_cast<std::int64_t>(std::max<std::size_t>(kTransitBytes / row_bytes, 1));
    Scratch transit;
    auto* const rows = transit.as<std::byte>(
        static_cast<std::int64_t>(row_bytes) * std::min(rows_at_a_time, host.extent(0)), info_.name);
    for (std::int64_t first = 0; first < host.extent(0); first += rows_at_a_time) {
      const std::int64_t n = std::min(rows_at_a_time, host.extent(0) - first);
      copy_in(rows, {host.data() + static_cast<std::size_t>(first) * row_bytes,
                     static_cast<std::size_t>(n) * row_bytes});
      reorder(to, host.extent(0), first, AnyTensorView(host.dtype(), rows, {n, width}), stream_);
      REPRISE_HIP_CALL(hipGetLastError());
    }
    wait();
  }

  void compute_fast(bool on) override { fast_ = on; }

  void start(const Program& program, const StepInput& input) override {
    select();
    wait_for_inputs();
    reserve(program, input_);
    input_.set(input);
    has_inputs_ = true;
    copy(input_.device(), input_.host(), input_.size_bytes(), hipMemcpyHostToDevice);
    for (const Group& group : program.groups()) {
      timer_.time(
          stream_, [&] { launch(program, group, input_.step()); },
          [&] {
            return TimedWork{group.name, cost_of_launch(program, group), static_cast<int>(group.count)};
          });
    }
  }

  std::unique_ptr<Recording> record(const Program& program) override {
    select();
    auto recording = std::make_unique<Graph>();
    reserve(program, recording->input);
    recording->scores = scores_.share();
    recording->rounded = rounded_.share();
    REPRISE_HIP_CALL(hipStreamBeginCapture(stream_, hipStreamCaptureModeThreadLocal));
    hipGraph_t graph = nullptr;
    try {
      REPRISE_HIP_CALL(hipMemcpyAsync(recording->input.device(), recording->input.host(),
                                      recording->input.size_bytes(), hipMemcpyHostToDevice, stream_));
      for (const Group& group : program.groups()) {
        launch(program, group, recording->input.step());
      }
    } catch (...) {
      if (hipStreamEndCapture(stream_, &graph) == hipSuccess) {
        static_cast<void>(hipGraphDestroy(graph));
      }
      throw;
    }
    REPRISE_HIP_CALL(hipStreamEndCapture(stream_, &graph));
    const hipError_t error = instantiate(&recording->graph, graph);
    static_cast<void>(hipGraphDestroy(graph));
    REPRISE_HIP_CALL(error);
    return recording;
  }
  void start(const Recording& recording, const StepInput& input) override {
    select();
    wait_for_inputs();
    const auto& graph = static_cast<const Graph&>(recording);
    graph.input.set(input);
    has_inputs_ = true;
    REPRISE_HIP_CALL(hipGraphLaunch(graph.graph, stream_));
  }

  void wait() override {
    REPRISE_HIP_CALL(hipStreamSynchronize(stream_));
    has_inputs_ = false;
  }

  void time(bool on) override { timer_.turn(on); }
  std::vector<TimedWork> take_times() override {
    select();
    wait();
    return timer_.take();
  }

  DeviceRates measure_rates() override {
    const std::size_t free = free_bytes();
    wait();
    return REPRISE_HIP_WORLD::measure_rates(info_, free, n_processors_, stream_);
  }

  [[nodiscard]] std::size_t workspace_bytes() const override {
    return input_.reserved_bytes() + scores_.size_bytes() + rounded_.size_bytes();
  }

 private:
  /// The runtime's calls are about the device that their thread selected last.
  void select() const { REPRISE_HIP_CALL(hipSetDevice(index_)); }

  void copy(void* to, const void* from, std::size_t size_bytes, hipMemcpyKind kind) {
    timer_.time(
        stream_, [&] { REPRISE_HIP_CALL(hipMemcpyAsync(to, from, size_bytes, kind, stream_)); },
        [&] {
          return TimedWork{kind == hipMemcpyHostToDevice ? "copy_host_to_device" : "copy_device_to_host",
                           {static_cast<std::int64_t>(size_bytes), 0}};
        });
  }

  [[nodiscard]] Cost cost_of_launch(const Program& program, const Group& group) const {
    Cost cost = group.cost;
    const Operation& first = program.of(group).front();
    if (fast_ && (rounds_activations(first) || rounds_queries(first))) {
      cost.arithmetic = Arithmetic::bf16_dot;
    }
    return cost;
  }

  /// Inputs of what was started before may still be read from the host's memory.
  void wait_for_inputs() {
    if (has_inputs_) {
      wait();
    }
  }

  /// Memory for a program, before anything of it is started: a recording can't make room.
  void reserve(const Program& program, InputMemory& input) {
    std::int64_t scores = 0;
    std::int64_t rounded = 0;
    for (const Operation& operation : program.operations()) {
      if (fast_ && rounds_queries(operation)) {
        continue;
      }
      if (const auto* op = std::get_if<Attention>(&operation)) {
        scores = std::max(scores, attention_scores(*op, program.n_seen()));
      } else if (fast_ && rounds_activations(operation)) {
        rounded = std::max(rounded, rounded_bytes(std::get<Linear>(operation)));
      }
    }
    scores_.as<float>(scores, info_.name);
    rounded_.as<std::byte>(rounded, info_.name);
    input.reserve(tokens_of(program), info_.name);
  }

  void launch(const Program& program, const Group& group, const StepMemory& step) {
    const std::span<const Operation> operations = program.of(group);
    switch (group.fusion) {
      case Fusion::none:
        alone(operations.front(), program.n_seen(), step);
        break;
      case Fusion::products:
        products(operations);
        break;
      case Fusion::heads:
        heads(operations, step, stream_);
        break;
      case Fusion::norm_into_blocks:
        norm_into_blocks(std::get<RmsNorm>(operations[0]), std::get<Quantize>(operations[1]), stream_);
        break;
    }
    REPRISE_HIP_CALL(hipGetLastError());
  }
  void products(std::span<const Operation> operations) {
    const auto* const linear = std::get_if<Linear>(&operations.front());
    if (fast_ && rounds_activations(operations.front())) {
      linear_fast(*linear, rounded_.as<std::byte>(rounded_bytes(*linear), info_.name), n_processors_,
                  stream_);
    } else if (linear != nullptr && is_block_format(linear->weight.dtype())) {
      linear_blocks(operations, stream_);
    } else {
      linear_floats(operations, stream_);
    }
  }
  void alone(const Operation& operation, std::int64_t n_seen, const StepMemory& step) {
    std::visit(Overloaded{
                   [&](const Embed& op) { embed(op, step, stream_); },
                   [&](const RmsNorm& op) { rms_norm(op, stream_); },
                   [&](const LayerNorm& op) { layer_norm(op, stream_); },
                   [&](const Quantize& op) { quantize(op, stream_); },
                   [&](const Linear& /*op*/) {
                     products({&operation, 1});
                   },
                   [&](const Rope& op) { rope(op, step, stream_); },
                   [&](const StoreKv& op) { store_kv(op, step, stream_); },
                   [&](const Attention& op) { attend(op, n_seen, step); },
                   [&](const SwiGlu& op) { swiglu(op, stream_); },
                   [&](const Gelu& op) { gelu(op, stream_); },
                   [&](const Relu& op) { relu(op, stream_); },
               },
               operation);
  }
  void attend(const Attention& op, std::int64_t n_seen, const StepMemory& step) {
    if (fast_ && rounds_queries(op)) {
      attention_fast(op, step, stream_);
    } else {
      attention(op, n_seen, step, scores_.as<float>(attention_scores(op, n_seen), info_.name), stream_);
    }
  }

  int index_;
  DeviceInfo info_;
  int n_processors_ = 1;
  bool fast_ = false;
  hipStream_t stream_ = nullptr;
  Timer timer_;
  InputMemory input_;
  Scratch scores_;
  Scratch rounded_;
  Pinned read_;
  bool has_inputs_ = false;  // of work that was started and may not be done
};

int device_count() {
  int count = 0;
  const hipError_t error = hipGetDeviceCount(&count);
  if (means_no_device(error)) {
    static_cast<void>(hipGetLastError());
    return 0;
  }
  REPRISE_HIP_CALL(error);
  return count;
}

std::unique_ptr<HipDevice> open_device(int index) {
  return std::make_unique<Device>(index);
}

std::string why_no_device() {
  int count = 0;
  const hipError_t error = hipGetDeviceCount(&count);
  static_cast<void>(hipGetLastError());
  return error == hipSuccess || error == hipErrorNoDevice ? "" : hipGetErrorString(error);
}

}  // namespace

// No constant: HIP's compiler would want it, and the functions that it points to, on the GPU as well.
const HipWorld& world() {
  static const HipWorld world = {kRuntimeName, device_count, open_device, why_no_device};
  return world;
}

}  // namespace reprise::engine::kernels::REPRISE_HIP_WORLD

#if defined(REPRISE_HIP_MODULE)
/// What a module has to offer (modules.h).
extern "C" __attribute__((visibility("default"))) const reprise::engine::kernels::HipWorld*
reprise_hip_world() {
  return &reprise::engine::kernels::REPRISE_HIP_WORLD::world();
}
#endif
