"""What people write to a shop, in seven languages: the samples from which `detect` learns, and the
words that hold a language together.

The sentences say the same in each language, so that no subject speaks for a language. They were
written for this; whoever adds a language needs a dozen of them and its forty smallest words."""

SAMPLES = {
    "de": """
    Guten Tag, ich habe gestern eine Bestellung aufgegeben und noch keine Bestätigung bekommen.
    Können Sie mir bitte sagen, wann das Paket ankommt? Vielen Dank für Ihre schnelle Hilfe.
    Ich möchte den Termin morgen Nachmittag verschieben, weil ich leider krank geworden bin.
    Die Rechnung stimmt nicht, wir haben nur zwei Stück gekauft und nicht drei.
    Wo finde ich die Anleitung für das Gerät? Es funktioniert seit dem letzten Wochenende nicht mehr.
    Hallo, hat jemand Zeit für mich? Ich warte schon sehr lange auf eine Antwort von Ihnen.
    Das ist wirklich schade, aber ich verstehe es. Wir kommen gern nächste Woche noch einmal vorbei.
    Bitte rufen Sie mich zurück, meine Nummer steht oben. Mit freundlichen Grüßen.
    Welche Größe brauche ich, und gibt es das auch in einer anderen Farbe?
    Ja, das passt mir gut. Nein, danke, ich brauche heute nichts mehr. Schöne Feiertage!
    """,
    "en": """
    Good morning, I placed an order yesterday and have not received any confirmation yet.
    Could you please tell me when the parcel will arrive? Thank you very much for your quick help.
    I would like to move the appointment tomorrow afternoon because I have become ill.
    The invoice is not right, we bought only two pieces and not three of them.
    Where can I find the manual for the device? It has not been working since last weekend.
    Hello, does anybody have time for me? I have been waiting for your answer for a very long time.
    That is really a pity, but I understand. We would be happy to come by again next week.
    Please call me back, my number is shown above. With kind regards.
    Which size do I need, and is there another colour of this one as well?
    Yes, that suits me fine. No, thanks, I don't need anything else today. Happy holidays!
    """,
    "es": """
    Buenos días, ayer hice un pedido y todavía no he recibido ninguna confirmación.
    ¿Me puede decir por favor cuándo llega el paquete? Muchas gracias por su rápida ayuda.
    Quisiera cambiar la cita de mañana por la tarde porque me he puesto enfermo.
    La factura no está bien, solo hemos comprado dos piezas y no tres.
    ¿Dónde encuentro las instrucciones del aparato? No funciona desde el fin de semana pasado.
    Hola, ¿alguien tiene tiempo para mí? Llevo mucho tiempo esperando una respuesta de ustedes.
    Es una verdadera pena, pero lo entiendo. Con gusto volvemos a pasar la próxima semana.
    Por favor llámeme, mi número está arriba. Un cordial saludo.
    ¿Qué talla necesito, y lo hay también en otro color?
    Sí, me viene bien. No, gracias, hoy ya no necesito nada más. ¡Felices fiestas!
    """,
    "fr": """
    Bonjour, j'ai passé une commande hier et je n'ai pas encore reçu de confirmation.
    Pouvez-vous me dire s'il vous plaît quand le colis arrive ? Merci beaucoup pour votre aide rapide.
    Je voudrais déplacer le rendez-vous de demain après-midi parce que je suis tombé malade.
    La facture n'est pas correcte, nous avons acheté seulement deux pièces et pas trois.
    Où est-ce que je trouve la notice de l'appareil ? Il ne marche plus depuis le week-end dernier.
    Salut, quelqu'un a-t-il du temps pour moi ? J'attends une réponse de votre part depuis longtemps.
    C'est vraiment dommage, mais je comprends. Nous reviendrons avec plaisir la semaine prochaine.
    Rappelez-moi s'il vous plaît, mon numéro est au-dessus. Cordialement.
    De quelle taille ai-je besoin, et est-ce que cela existe aussi dans une autre couleur ?
    Oui, cela me convient. Non, merci, je n'ai plus besoin de rien aujourd'hui. Bonnes fêtes !
    """,
    "it": """
    Buongiorno, ieri ho fatto un ordine e non ho ancora ricevuto nessuna conferma.
    Mi può dire per favore quando arriva il pacco? Grazie mille per il suo rapido aiuto.
    Vorrei spostare l'appuntamento di domani pomeriggio perché purtroppo mi sono ammalato.
    La fattura non è giusta, abbiamo comprato soltanto due pezzi e non tre.
    Dove trovo le istruzioni dell'apparecchio? Non funziona più dallo scorso fine settimana.
    Ciao, qualcuno ha tempo per me? Aspetto già da molto tempo una risposta da parte vostra.
    È davvero un peccato, ma lo capisco. Torniamo volentieri a trovarvi la prossima settimana.
    Mi richiami per favore, il mio numero è qui sopra. Cordiali saluti.
    Di quale taglia ho bisogno, e c'è anche in un altro colore?
    Sì, per me va bene. No, grazie, oggi non mi serve più niente. Buone feste!
    """,
    "nl": """
    Goedemorgen, ik heb gisteren een bestelling geplaatst en nog geen bevestiging gekregen.
    Kunt u mij alstublieft zeggen wanneer het pakket aankomt? Hartelijk dank voor uw snelle hulp.
    Ik wil de afspraak van morgenmiddag graag verzetten, omdat ik helaas ziek ben geworden.
    De rekening klopt niet, wij hebben maar twee stuks gekocht en geen drie.
    Waar vind ik de handleiding van het apparaat? Het werkt sinds afgelopen weekend niet meer.
    Hallo, heeft er iemand tijd voor mij? Ik wacht al heel lang op een antwoord van jullie.
    Dat is echt jammer, maar ik begrijp het. We komen volgende week graag nog een keer langs.
    Bel mij alsjeblieft terug, mijn nummer staat hierboven. Met vriendelijke groeten.
    Welke maat heb ik nodig, en is die er ook in een andere kleur?
    Ja, dat komt mij goed uit. Nee, bedankt, ik heb vandaag niets meer nodig. Fijne feestdagen!
    """,
    "pt": """
    Bom dia, ontem fiz uma encomenda e ainda não recebi nenhuma confirmação.
    Pode me dizer por favor quando chega o pacote? Muito obrigado pela sua ajuda rápida.
    Gostaria de mudar a marcação de amanhã à tarde porque infelizmente fiquei doente.
    A fatura não está certa, nós comprámos apenas duas peças e não três.
    Onde encontro as instruções do aparelho? Ele não funciona desde o último fim de semana.
    Olá, alguém tem tempo para mim? Já estou à espera de uma resposta vossa há muito tempo.
    É mesmo uma pena, mas eu compreendo. Voltamos com muito gosto na próxima semana.
    Ligue-me de volta por favor, o meu número está acima. Com os melhores cumprimentos.
    De que tamanho preciso, e há também em outra cor?
    Sim, fica bem para mim. Não, obrigada, hoje não preciso de mais nada. Boas festas!
    """,
}

STOP_WORDS = {
    "de": "der die das den dem des ein eine einen und oder aber nicht kein ich du er sie wir ihr es ist "
    "sind war bin hat habe haben wird kann für mit von zu auf aus bei nach wie was wo wann noch schon "
    "nur auch sehr bitte danke mein ihre mir mich ja nein hallo im am zum",
    "en": "the a an and or but not no i you he she we they it is are was am has have will can for with of "
    "to on out at by from how what where when still already only also very please thanks thank my your "
    "me this that yes hello in do does",
    "es": "el la los las un una y o pero no ni yo tú él ella nosotros es son era soy está ha he han puede "
    "para con de a en por desde cómo qué dónde cuándo todavía ya solo también muy favor gracias mi su me "
    "este esto sí hola del al lo se",
    "fr": "le la les un une et ou mais ne pas je tu il elle nous vous ils est sont était suis a ai ont va "
    "peut pour avec de à en par depuis comment que quoi où quand encore déjà seulement aussi très merci "
    "mon votre me ce cette oui bonjour du au des se",
    "it": "il lo la i gli le un una e o ma non io tu lui lei noi voi è sono era ha ho hanno può per con di "
    "a in da come che cosa dove quando ancora già solo anche molto favore grazie mio suo mi questo questa "
    "sì ciao del al della si",
    "nl": "de het een en of maar niet geen ik jij je hij zij ze wij we jullie is zijn was ben heeft heb "
    "hebben kan voor met van te op uit bij naar hoe wat waar wanneer nog al alleen ook heel graag dank "
    "mijn uw mij dit dat ja nee hallo in er om",
    "pt": "o a os as um uma e ou mas não eu tu ele ela nós vocês é são era sou está tem há pode para com de "
    "em por desde como que onde quando ainda já só também muito favor obrigado obrigada meu sua me este "
    "isto sim olá do da ao no na se",
}
