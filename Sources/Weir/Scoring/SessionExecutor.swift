import CWeir

/// Runs a session's work on threads of the program: a Dispatch queue, a thread pool, whatever it has. Without one, sessions of several
/// threads use OpenMP's. Scores do not depend on it.
///
/// ```swift
/// import Dispatch
///
/// let dispatch = SessionExecutor { count, part in
///   DispatchQueue.concurrentPerform(iterations: count) { part($0) }
/// }
/// let session = try flow.session(batch: 32, threads: 4, executor: dispatch)
/// ```
///
/// One executor may serve any number of sessions, from any threads. A session of one thread never calls it.
public final class SessionExecutor: Sendable {
  private let run: @Sendable (_ count: Int, _ part: @Sendable (Int) -> Void) -> Void
  /// The engine's view of it. Its `user` is this object, which sessions keep.
  nonisolated(unsafe) let handle: UnsafeMutablePointer<weir_executor>

  /// - Parameter run: calls `part(0)` to `part(count - 1)`, each once, in any order, on any threads, at once or one after the other, and
  ///   returns when all of them have. `count` is at most the session's threads. It is called on the thread that called the session, and
  ///   blocks that thread: it must not wait there for a Swift `Task`, which may need the same thread to run.
  public init(_ run: @escaping @Sendable (_ count: Int, _ part: @Sendable (Int) -> Void) -> Void) {
    self.run = run
    handle = .allocate(capacity: 1)
    handle.initialize(
      to: weir_executor(
        struct_size: MemoryLayout<weir_executor>.size, user: Unmanaged.passUnretained(self).toOpaque(),
        run: { user, task, arg, count in
          guard let user, let task else { return }
          nonisolated(unsafe) let arg = arg
          Unmanaged<SessionExecutor>.fromOpaque(user).takeUnretainedValue().run(count) { task(arg, $0) }
        }))
  }

  deinit { handle.deallocate() }
}
