// Scores a stream of pictures: raw bytes on standard input, channels first, one picture after the other and nothing between them. For each
// of them a line of bits per dimension on standard output, as it comes.
//
//   EmbedSwift MODEL [THREADS] < pixels
import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

func scoreStream(model: String, threads: Int) throws(WeirError) {
  let flow = try Flow.open(model)
  let session = try flow.session(batch: 32, threads: threads, executor: .dispatch)
  var stream = PictureStream(batch: session.batch, dims: flow.info.dims)
  var logLikelihoods = [Double](repeating: 0, count: session.batch)
  while case let pictures = try stream.next(), pictures > 0 {
    var output = logLikelihoods.mutableSpan
    try session.score(stream.pixels.span.extracting(first: pictures * flow.info.dims), into: &output)
    for index in 0..<pictures { print(flow.info.bitsPerDimension(logLikelihoods[index])) }
    fflush(nil)
  }
}

func fail(_ message: String, _ status: Int32) -> Never {
  var line = "EmbedSwift: \(message)\n"
  line.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
  exit(status)
}

let arguments = CommandLine.arguments
guard (2...3).contains(arguments.count), let threads = Int(arguments.count == 3 ? arguments[2] : "1") else {
  fail("usage: EmbedSwift MODEL [THREADS] < pixels", 2)
}
do {
  try scoreStream(model: arguments[1], threads: threads)
} catch {
  fail("\(error)", 1)
}
