import CWeir
import Weir

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The memory that opening a model takes on the way, measured by opening it with an allocator that counts.
struct OpeningMemory {
  private var held = 0
  private var most = 0

  /// The most bytes held at once while the file is opened, the model's own included.
  static func most(of path: String) throws(WeirError) -> Int {
    var memory = OpeningMemory()
    let status = withUnsafeMutablePointer(to: &memory) { counter in
      var allocator = weir_allocator(
        struct_size: MemoryLayout<weir_allocator>.size, user: counter,
        allocate: { counter, bytes, alignment in
          counter?.assumingMemoryBound(to: OpeningMemory.self).pointee.take(bytes)
          var memory: UnsafeMutableRawPointer?
          return posix_memalign(&memory, alignment, bytes) == 0 ? memory : nil
        },
        release: { counter, memory, bytes in
          counter?.assumingMemoryBound(to: OpeningMemory.self).pointee.held -= bytes
          free(memory)
        })
      var model: OpaquePointer?
      let status = weir_model_open(path, &allocator, &model, nil)
      weir_model_close(model)
      return status
    }
    guard status == WEIR_OK else {
      throw WeirError(WeirError.Code(rawValue: status), where: path, String(cString: weir_status_text(status)))
    }
    return memory.most
  }

  private mutating func take(_ bytes: Int) {
    held += bytes
    most = max(most, held)
  }
}
