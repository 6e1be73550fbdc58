/// 200 words that look like names: syllables put together at random, for tests of training without a
/// download.
#pragma once

#include <algorithm>
#include <string>

namespace reprise::testing {

/// A name a line.
inline std::string invented_names() {
  std::string names =
      "eliti tuzis sotrer tamel arigeth krata elikru vusha jaka nuhem sabriy vidul ele mearex hejamas "
      "trigax tri lel pimi krarufi misar katren trashiki boshex eloaris tivuzeth drath thudafas zinil "
      "sethex arimel drax troeluth finus elabathi lis judrith are zabes kuna roborox foril trudil gin "
      "kekra fikradam arugemuth par min bay broth nabiy drox drodral trix shikrel tusol kohabil krokra "
      "kielu detru thith for bin shufox rader leariy elital ris lafax vetey mith tregohu viriy pehos "
      "boje bifo ney bre zix shil teron eliy ton pix shakra brizi eligan krinebroth brijizeth didam "
      "hiduy lejiy tey hath jatar thun junun thaarel nes drithay truso hiboy reha buvex aromosim suelel "
      "kabay mukis sibolur lahubem mogearum kath shupir tanex garin jox rone elelel arekir elidrer "
      "druthath thiarehuy brix totum tahel than fabex kithey daval zuarath rizax bray arisur gozos her "
      "gimun vetra rubuy zekezus pis juy eloth tradra pex bretutox nihox gith shizum dra shimeth "
      "zuthati kano zan tagen nafor jen radin shavakre hikra brava hasam habon pibel vuzom tega reth "
      "maduth drus fith gubrithan jomas krobus daludrun nejax dakrix rober fur huth mizan hotriri rul "
      "arukis robro bieles rirar rize piji sadir tax breshoth potrax josetan vabrebruy kravi tritroare "
      "kielo hanidis mushes noda";
  std::replace(names.begin(), names.end(), ' ', '\n');
  return names;
}

}  // namespace reprise::testing
