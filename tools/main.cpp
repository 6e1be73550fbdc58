#include "tools/allocation_count.h"
#include "tools/cli/app.h"

int main(int argc, char** argv) {
  return reprise::cli::run(argc, argv, &reprise::allocation_count);
}
