// The coordinator as a process; see `headwater-coordinator --help`.
import CoordinatorServer

CoordinatorMain.run()
