import ArgumentParser
import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The `weir` command. Exit status 0; 2 for usage; 130 when stopped by a signal; 1 for everything else, with one line on stderr.
@main
enum Entry {
  static func main() {
    do {
      var command = try WeirCommand.parseAsRoot()
      try command.run()
      if fflush(nil) != 0 {
        Console.error("weir: standard output can't be written; check the disk or the pipe")
        exit(1)
      }
    } catch let error as WeirError {
      Console.error("weir: \(error)")
      exit(1)
    } catch {
      finish(error)
    }
  }

  private static func finish(_ error: any Error) -> Never {
    let code = WeirCommand.exitCode(for: error)
    let message = WeirCommand.fullMessage(for: error)
    if code == .success {
      if !message.isEmpty { print(message) }
      exit(0)
    }
    if !message.isEmpty { Console.error(message) }
    exit(code == .validationFailure ? 2 : code.rawValue)
  }
}

struct WeirCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weir",
    abstract: "Trains normalizing flows, computes exact likelihoods, and finds inputs that do not belong.",
    discussion: """
      An INPUT is a .npy file, ARCHIVE.npz:MEMBER, an IDX file (also .gz), a .csv table or a folder of PNG or JPEG pictures. NAME=INPUT \
      gives it a name; INPUT[a:b] means its samples a to b - 1, INPUT@CLASS those with that label, INPUT@0,2 those with one of these. \
      Labels lie beside the samples: member y of an .npz, *-labels-idx1-ubyte of *-images-idx3-ubyte, a column named label, class, \
      target or y, sub-folders of pictures (sorted by name: 0, 1, ...). uint8 images are 0..255, float images 0..1.
      """,
    version: Flow.engineVersion,
    subcommands: [
      TrainCommand.self, ScoreCommand.self, EvaluateCommand.self, SampleCommand.self, InspectCommand.self, BenchCommand.self,
    ]
  )
}
