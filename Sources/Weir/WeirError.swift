import CWeir

/// What went wrong, where, and what to do. Every throwing function of Weir throws this type.
///
/// ```swift
/// do { let flow = try Flow.open("fashion.safetensors") } catch { print(error) }   // "fashion.safetensors: can't be opened ..."
/// ```
public struct WeirError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The kind of failure: an open set, with the values of `weir_status`. Treat unknown values as errors.
  public struct Code: RawRepresentable, Sendable, Hashable {
    /// The engine's status, `WEIR_ERROR_...`.
    public let rawValue: Int32

    /// A code from an engine status.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    init(_ value: Int) { rawValue = Int32(value) }

    /// A count or an option is out of range.
    public static let argument = Code(WEIR_ERROR_ARGUMENT)
    /// There is not enough memory.
    public static let memory = Code(WEIR_ERROR_MEMORY)
    /// A file can't be opened, read or written.
    public static let io = Code(WEIR_ERROR_IO)
    /// The bytes are not what the file claims to be.
    public static let format = Code(WEIR_ERROR_FORMAT)
    /// A valid file of a version this library does not know.
    public static let version = Code(WEIR_ERROR_VERSION)
    /// The model description names an unknown step, or steps that do not fit together.
    public static let spec = Code(WEIR_ERROR_SPEC)
    /// A weight is missing, has the wrong shape or type, or is not finite.
    public static let tensor = Code(WEIR_ERROR_TENSOR)
    /// Data does not have the model's shape.
    public static let shape = Code(WEIR_ERROR_SHAPE)
    /// Valid, but not possible in this build or on this CPU.
    public static let unsupported = Code(WEIR_ERROR_UNSUPPORTED)
    /// Training met NaN or Inf and could not recover.
    public static let numeric = Code(WEIR_ERROR_NUMERIC)
  }

  /// The kind of failure.
  public let code: Code
  /// The file, JSON path, tensor or function concerned; may be empty.
  public let `where`: String
  /// One sentence that says what is wrong and what to do.
  public let message: String

  /// An error with its place and one sentence about it.
  public init(_ code: Code, where place: String, _ message: String) {
    self.code = code
    self.where = place
    self.message = message
  }

  /// "where: message".
  public var description: String { self.where.isEmpty ? message : "\(self.where): \(message)" }
}
