#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The learning rate of each step: a linear warm-up, then a shape over the rest of the run.
public struct LearningRateSchedule: Sendable, Hashable {
  /// How the rate moves after the warm-up.
  public enum Shape: Sendable, Hashable {
    /// The same throughout.
    case constant
    /// Straight down to `final` times the rate at the last step.
    case linear(final: Double)
    /// Half a cosine down to `final` times the rate at the last step.
    case cosine(final: Double)
    /// Times `factor` at each of the steps.
    case drops(at: [Int], factor: Double)
  }

  /// The rate after the warm-up.
  public var rate: Double
  /// Steps of linear rise from rate / warmup.
  public var warmup: Int
  /// How the rate moves after the warm-up.
  public var shape: Shape
  /// Steps of the whole run.
  public var steps: Int

  /// A schedule over `steps` steps, the first `warmup` of which rise linearly.
  public init(rate: Double, warmup: Int = 0, shape: Shape = .constant, steps: Int) {
    self.rate = rate
    self.warmup = warmup
    self.shape = shape
    self.steps = steps
  }

  /// The rate of step `step`, counted from 0.
  public func rate(at step: Int) -> Double {
    if step < warmup { return rate * Double(step + 1) / Double(warmup) }
    let done = Double(step - warmup) / Double(max(steps - 1 - warmup, 1))
    let progress = min(max(done, 0), 1)
    switch shape {
    case .constant: return rate
    case .linear(let final): return rate * (1 - (1 - final) * progress)
    case .cosine(let final): return rate * (final + (1 - final) * 0.5 * (1 + cos(.pi * progress)))
    case .drops(let milestones, let factor): return milestones.reduce(rate) { $1 <= step ? $0 * factor : $0 }
    }
  }
}
