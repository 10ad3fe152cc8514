// Generates decays with a user's EvtGen and writes them as a table; compiled where EVTGEN_ROOT is set.
// Arguments: decay table, particle table, user's card, parent, number of events, seed, output.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "EvtGen/EvtGen.hh"
#include "EvtGenBase/EvtMTRandomEngine.hh"
#include "EvtGenBase/EvtPDL.hh"
#include "EvtGenBase/EvtParticle.hh"
#include "EvtGenBase/EvtParticleFactory.hh"
#include "EvtGenBase/EvtSpinType.hh"
#include "EvtGenBase/EvtVector4R.hh"

namespace {
long rows = 0;

// One line for each particle, a mother before its daughters: event, mother, number, status, E, px, py, pz, mass.
void write(std::FILE* out, int event, long mother, const EvtParticle* particle) {
    const EvtVector4R p = particle->getP4Lab();
    const int daughters = static_cast<int>(particle->getNDaug());
    std::fprintf(out, "%d %ld %d %d %.17g %.17g %.17g %.17g %.17g\n", event, mother, particle->getPDGId(),
                 daughters ? 2 : 1, p.get(0), p.get(1), p.get(2), p.get(3), particle->mass());
    const long own = rows++;
    for (int each = 0; each < daughters; ++each) write(out, event, own, particle->getDaug(each));
}
}  // namespace

int main(int count, char** words) {
    if (count != 8) return 2;
    EvtMTRandomEngine random(static_cast<unsigned int>(std::atol(words[6])));
    EvtGen generator(words[1], words[2], &random);
    generator.readUDecay(words[3]);
    const EvtId id = EvtPDL::getId(words[4]);
    if (id == EvtId(-1, -1)) return 3;
    std::FILE* out = std::fopen(words[7], "w");
    if (!out) return 4;
    const int events = std::atoi(words[5]);
    for (int event = 0; event < events; ++event) {
        EvtParticle* parent = EvtParticleFactory::particleFactory(id, EvtVector4R(EvtPDL::getMass(id), 0, 0, 0));
        // As e+ e- make a vector; everything else is not polarised.
        if (parent->getSpinType() == EvtSpinType::VECTOR) {
            parent->setVectorSpinDensity();
        } else {
            parent->setDiagonalSpinDensity();
        }
        generator.generateDecay(parent);
        write(out, event, -1, parent);
        parent->deleteTree();
    }
    return std::fclose(out) == 0 ? 0 : 4;
}
