import Weir
import WeirReport

/// Shows how a run goes: a line that is rewritten on a terminal, a line every half minute elsewhere.
struct TrainingProgress {
  let info: TrainingPlan
  private let clock = ContinuousClock()
  private let start: ContinuousClock.Instant
  private let firstStep: Int
  private var shown: ContinuousClock.Instant?
  private var recent = RecentMean()
  private var negatives = RecentMean()
  private var epochLoss = 0.0
  private var epochSteps = 0.0
  /// Of this epoch, those included that were dropped.
  private var stepsSeen = 0

  init(_ info: TrainingPlan, firstStep: Int) {
    self.info = info
    self.firstStep = firstStep
    start = clock.now
  }

  /// Seconds since the run began or went on.
  var seconds: Double { (clock.now - start) / .seconds(1) }

  /// Samples a second since the run began or went on.
  func rate(step: Int) -> Double { Double((step - firstStep) * info.batch) / max(seconds, 1e-9) }

  /// Counts a step (counted from 1) and shows it when it is time.
  mutating func add(_ report: StepReport, step: Int) {
    stepsSeen += 1
    if report.skippedAt == nil {
      recent.add(report.loss)
      if report.negativeCount > 0 { negatives.add(-report.negativeMean) }
      epochLoss += report.loss
      epochSteps += 1
    } else if report.restored {
      // The steps since that state are undone: what they lost is no news of the weights.
      recent = RecentMean()
      epochLoss = 0
      epochSteps = 0
    }
    let wait: Duration = Console.isTerminal ? .milliseconds(200) : .seconds(shown == nil ? 5 : 30)
    guard clock.now - (shown ?? start) >= wait else { return }
    shown = clock.now
    if Console.isTerminal { Console.show(line(step, bar: true)) } else { Console.error(line(step, bar: false)) }
  }

  /// Ends an epoch with a line that stays, when there is something to say of it. `epoch` counts from 1.
  ///
  /// - Parameter verdict: of the validation samples.
  mutating func endEpoch(_ epoch: Int, step: Int, _ verdict: String?) {
    guard stepsSeen > 0 || verdict != nil else { return }
    Console.clear()
    let loss = epochSteps > 0 ? "mean \(info.figure(epochLoss / epochSteps))" : stepsSeen > 0 ? "no step taken" : nil
    let parts = [
      loss, verdict, "\(NumberText.fixed(rate(step: step), 0)) \(info.noun)/s", "\(NumberText.duration(seconds)) so far",
    ]
    Console.error("epoch \(epoch)/\(info.epochs) done: \(parts.compactMap { $0 }.joined(separator: ", "))")
    (epochLoss, epochSteps, stepsSeen) = (0, 0, 0)
  }

  /// A line that stays above the progress.
  func note(_ text: String) {
    Console.clear()
    Console.error(text)
  }

  private func line(_ step: Int, bar: Bool) -> String {
    let done = Double(step) / Double(info.steps)
    let rate = rate(step: step)
    let left = Double((info.steps - step) * info.batch) / max(rate, 1e-9)
    let epoch = min((step - 1) / info.batches + 1, info.epochs)
    let width = 24
    let filled = Int(done * Double(width))
    let meter = "[\(String(repeating: "#", count: filled))\(String(repeating: ".", count: width - filled))] "
    let loss = recent.mean.map(info.figure) ?? "-"
    let apart = negatives.mean.map { "  negatives \(info.figure($0))" } ?? ""
    return "epoch \(epoch)/\(info.epochs)  \(bar ? meter : "")\(NumberText.fixed(100 * done, 0))%  \(loss)\(apart)  "
      + "\(NumberText.fixed(rate, 0)) \(info.noun)/s  \(NumberText.duration(left)) left"
  }
}

/// A mean over the last 50 numbers or so, weighted towards the newest.
private struct RecentMean {
  private var sum = 0.0
  private var weight = 0.0

  mutating func add(_ value: Double) {
    sum = 0.98 * sum + 0.02 * value
    weight = 0.98 * weight + 0.02
  }

  /// nil before the first number.
  var mean: Double? { weight > 0 ? sum / weight : nil }
}
