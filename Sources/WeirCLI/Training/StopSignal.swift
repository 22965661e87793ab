import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// SIGINT and SIGTERM ask a run to stop after its step. A second one ends the process at once.
enum StopSignal {
  private static let requested = Atomic<Bool>(false)

  /// Whether a signal has come.
  static var isRequested: Bool { requested.load(ordering: .relaxed) }

  static func install() {
    // The first use initialises the flag, which must not happen inside a handler.
    requested.store(false, ordering: .relaxed)
    // A parent that blocks signals hands that down.
    var unblocked = sigset_t()
    sigemptyset(&unblocked)
    for number in [SIGINT, SIGTERM] {
      sigaddset(&unblocked, number)
      signal(number) { received in
        StopSignal.requested.store(true, ordering: .relaxed)
        signal(received, SIG_DFL)
      }
    }
    pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
  }

  /// From now on a signal ends the process, as it does any other.
  static func remove() {
    for number in [SIGINT, SIGTERM] { signal(number, SIG_DFL) }
  }
}
