// The admin API as a process; see `headwater-admin --help`.
import AdminAPI

AdminMain.run()
