infer
tests/errors/run/input/trained.toml
--network
mini
--input
tests/import/pictures
--output
[OUT].npy
--set
networks.mini.name=repvgg-nano
--set
networks.mini.form=train
--set
networks.mini.weights={ file = '../../../import/official-deploy.pth' }
