import Weir
import WeirReport

/// The steps that the guard against NaN, infinities and divergence dropped, by the place where they went wrong.
struct SkippedSteps: Equatable {
  struct Place: Equatable {
    let name: String
    var count: Int
    /// Steps, counted from 1.
    var first: Int
    var last: Int
  }

  private(set) var places: [Place]

  init(places: [Place] = []) { self.places = places }

  var count: Int { places.reduce(0) { $0 + $1.count } }

  /// Counts a step (from 1) and says what the guard did; nil for a step that was taken.
  mutating func add(_ report: StepReport, step: Int) -> String? {
    guard let name = report.skippedAt else { return nil }
    if let index = places.firstIndex(where: { $0.name == name }) {
      places[index].count += 1
      places[index].last = step
    } else {
      places.append(Place(name: name, count: 1, first: step, last: step))
    }
    let diverged = name == "loss"
    let found = diverged ? "training has diverged, the loss is \(Self.text(report.loss)) nats" : "not finite in \(name)"
    let what = "step \(step): \(found); the update was dropped"
    // Bad data is no fault of the rate.
    if name == "input" { return what }
    let rate = "the rate halved to \(Self.text(report.learningRate / 2))\(diverged ? " for good" : "")"
    return report.restored ? "\(what), \(rate) and the last good state restored" : "\(what) and \(rate)"
  }

  /// What is to be said when the run ends; nil when no step was dropped.
  ///
  /// - Parameters:
  ///   - steps: taken or dropped.
  ///   - factor: the last step's rate in units of the schedule's.
  func summary(steps: Int, rate: Double, factor: Double) -> String? {
    guard count > 0 else { return nil }
    let list = places.map { place in
      let when = place.count == 1 ? "step \(place.first)" : "\(place.count) times, steps \(place.first) to \(place.last)"
      return "\(place.name) (\(when))"
    }
    // A schedule may end at 0, of which any share is 0.
    let share = (rate > 0 ? "\(Self.text(rate)), " : "") + "\(NumberText.significant(100 * factor, 3))% of the schedule's"
    let now = factor < 0.999 ? share : "the schedule's again"
    return "\(count) of \(NumberText.grouped(steps)) steps were dropped and left no trace: \(list.joined(separator: ", ")); "
      + "the learning rate ended at \(now)"
  }

  /// Three significant digits.
  private static func text(_ rate: Double) -> String { NumberText.significant(rate, 3) }
}
