"""Names that one person may go by. A name in several lines belongs to all of them: Alex, Sam."""

# One line per family of names, as they are written after `people.plain`: small letters without accents.
_LINES = """
abigail abby gail
alexander alexandra alex sasha sandy alejandro alejandra ale
andrew andy drew andres
anthony antonio antonia tony toni
barbara barb babs
beatriz beatrice bea trixie
benjamin ben benny benji
camila camille cami millie
catherine katherine kathryn katerina kate katie kathy cathy kitty katka kat
charles charlotte charlie carlos lottie chuck
christopher christine christina cristina chris christy tina kit
daniel daniela danielle dan danny dani
david dave davey
deborah debra debbie deb
dominic dominique dom nick
dorothy dot dottie dorothea
edward eduardo edwin ed eddie ned ted teddy
eleanor elena helen nell nora ellie nena leni
elizabeth isabel isabella liz lizzie beth betty betsy eliza bella izzy lisa elisa
emily emma em emmy
francisco francis frances frank fran paco pancho frankie
frederick fred freddie federico
gabriel gabriela gabrielle gabi gabby gabe
gerald jerry geraldine
gregory greg
guadalupe lupe lupita
henry harry hank enrique
ignacio nacho
isaac ike zac
jacob jake jacobo
james jaime jim jimmy jamie
jeffrey geoffrey jeff geoff
jennifer jenny jen
jessica jess jessie
john jonathan juan jon johnny jack jackie jan
joseph jose josephine joe joey jo pepe josie
joshua josh
judith judy judit
kenneth kendall ken kenny
lawrence laurence larry lorenzo
leonard leonardo leo lenny
lucia lucy luz
madeline magdalena maddie maggie lena
margaret margarita malgorzata margo meg maggie peggy greta rita gosia
maria mary marie mia molly maja majo marisol
matthew mateo matt matty
maximilian max maxine
melissa mel missy
michael miguel michelle mike mickey mick misha shelly
nathaniel nathan nate
nicholas nicolas nicole nick nico nicky
olivia liv livvy
patrick patricia pat patty trish tricia paddy
peter pedro pete
philip phillip felipe phil
rachel raquel rae
rebecca becky becca reba
richard ricardo rick ricky rich dick
robert roberto roberta rob robbie bob bobby
ronald ron ronnie
samuel samantha samira sam sammy
sarah sara sally sadie
sebastian seb bastian
sofia sophia sophie zofia sofie zosia
stanislaw stan staszek
stephen steven stephanie esteban steve steph
susan susanna suzanne sue suzy
theodore theodora ted teddy theo dora
thomas tomas tom tommy
timothy tim timmy
tobias toby
valentina valerie val
victoria vicky vic tori
vincent vicente vince vinny
virginia ginny ginger
walter walt wally
william guillermo will willie bill billy liam memo
zachary zachariah zac zach zack
"""

FAMILIES = tuple(tuple(line.split()) for line in _LINES.strip().splitlines())
