/// K-medoids: of n points the k whose sum of distances to all others' nearest one is small. The centres are
/// points themselves, so that each stands for its cluster and can be had: a call that was captured.
///
/// Distances are sums of absolute differences (L1). Found by alternating: every point joins its nearest
/// medoid, then each cluster's medoid becomes the best of the points next to its component-wise median, which
/// is the best place there is in L1; from several seeded starts, the best result. Not an optimum: none is
/// known without trying all subsets. Deterministic (Philox). Used by regress/selection.h.
///
/// Cost: starts * rounds * n * (k + 8) * n_features, some tenths of a second for 10,000 points.
///
/// Source: Kaufman & Rousseeuw 1990, "Finding Groups in Data", chapter 2 (the problem); Park & Jun 2009, "A
/// simple
///         and fast algorithm for K-medoids clustering" (alternating); Arthur & Vassilvitskii 2007,
///         "k-means++" (starts drawn by distance, here not squared).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace reprise::harness {

struct MedoidOptions {
  std::size_t k = 8;
  std::uint64_t seed = 0;
  int starts = 8;
};

struct Medoids {
  std::vector<std::size_t> medoids;  ///< indices of points, ascending; fewer than k where points coincide
  std::vector<std::size_t> cluster;  ///< [n]: which of the medoids is nearest, the first among equals
  double total_distance = 0;         ///< of every point to its medoid
};

/// points [n, n_features], finite; `eligible` [n]: which of them may be medoids, at least one.
Medoids k_medoids(std::span<const double> points, std::size_t n_features, const std::vector<bool>& eligible,
                  const MedoidOptions& options = {});

/// The same clusters for medoids that somebody else has chosen.
Medoids clusters_of(std::span<const double> points, std::size_t n_features, std::vector<std::size_t> medoids);

}  // namespace reprise::harness
