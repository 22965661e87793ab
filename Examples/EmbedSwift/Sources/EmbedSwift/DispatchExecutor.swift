import Dispatch
import Weir

extension SessionExecutor {
  /// The threads that Dispatch has anyway, so that the program starts no others.
  static let dispatch = SessionExecutor { count, part in
    DispatchQueue.concurrentPerform(iterations: count) { part($0) }
  }
}
