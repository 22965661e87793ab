import Weir

/// One way to score, and what its calls took.
final class BenchCase {
  let batch: Int
  let threads: Int
  let precision: Precision
  let session: Session
  private(set) var scores: [Double]
  private let inputs: BenchInputs
  /// Median seconds of a call, of each round.
  private(set) var rounds: [Double] = []
  /// Calls that were timed, of all rounds.
  private(set) var calls = 0

  init(_ flow: Flow, batch: Int, threads: Int, precision: Precision, inputs: BenchInputs) throws(WeirError) {
    self.batch = batch
    self.threads = threads
    self.precision = precision
    self.inputs = inputs
    session = try flow.session(batch: batch, threads: threads, precision: precision)
    scores = [Double](repeating: 0, count: batch)
  }

  /// "batch 32, 2 threads, f32".
  var name: String { "batch \(batch), \(threads) thread\(threads == 1 ? "" : "s"), \(precision.rawValue)" }

  /// Calls for so many seconds, one at least, after one that is not counted.
  func measure(seconds: Double) throws(WeirError) {
    var took: [Double] = []
    try call()
    let end = Stopwatch()
    repeat {
      let start = Stopwatch()
      try call()
      took.append(start.seconds)
    } while end.seconds < seconds
    rounds.append(took.median)
    calls += took.count
  }

  private func call() throws(WeirError) {
    try inputs.values.withUnsafeBufferPointer { values throws(WeirError) in
      let rows = UnsafeBufferPointer(rebasing: values[..<(batch * session.flow.info.dims)])
      try scores.withUnsafeMutableBufferPointer { output throws(WeirError) in try session.score(rows, into: output) }
    }
  }

  /// Where the time of a pass goes, over passes of so many seconds.
  func profile(seconds: Double) throws(WeirError) -> PassProfile {
    let recorder = PassRecorder()
    try inputs.values.withUnsafeBufferPointer { values throws(WeirError) in
      let rows = UnsafeBufferPointer(rebasing: values[..<(batch * session.flow.info.dims)])
      try scores.withUnsafeMutableBufferPointer { output throws(WeirError) in
        try session.profile(rows, into: output) { _ in }  // caches and clocks
        let start = Stopwatch()
        repeat {
          try session.profile(rows, into: output) { recorder.add($0) }
        } while start.seconds < seconds && !recorder.isFull
      }
    }
    return PassProfile(session.flow, recorder)
  }

  /// Median over rounds of the seconds of a call, and the lowest and highest of them.
  var median: Double { rounds.median }
  var lowest: Double { rounds.min() ?? .nan }
  var highest: Double { rounds.max() ?? .nan }
  var samplesPerSecond: Double { Double(batch) / median }
  /// Operations a second, of those that the model's arithmetic has.
  var flopsPerSecond: Double { samplesPerSecond * session.flow.info.flops }
}

/// Seconds since it was made.
struct Stopwatch {
  private let start = ContinuousClock.now

  var seconds: Double {
    let (seconds, attoseconds) = (ContinuousClock.now - start).components
    return Double(seconds) + 1e-18 * Double(attoseconds)
  }
}

extension [Double] {
  /// The middle one, of two the mean; NaN of none.
  var median: Double {
    guard !isEmpty else { return .nan }
    let ordered = sorted()
    return (ordered[(count - 1) / 2] + ordered[count / 2]) / 2
  }
}
